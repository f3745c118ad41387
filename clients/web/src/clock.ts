/** A moment on this device, by both of its clocks. */
export interface Moment {
  readonly monotonic: number;
  readonly wall: number;
}

export function now(): Moment {
  return { monotonic: performance.now(), wall: Date.now() };
}

/**
 * Milliseconds since `then`. The result may be too long, but not too short, with one exception (see below).
 *
 * In many browsers the monotonic clock stops while the device sleeps. The wall clock goes on, but somebody may set it.
 * Only differences are used, so a device whose clock is hours wrong does not matter. The result is the longer
 * difference of the two clocks. It is too short only if the device slept *and* its wall clock was set back. If the wall
 * clock was set forward, a token only seems older than it is.
 */
export function since(then: Moment): number {
  const { monotonic, wall } = now();
  return Math.max(0, monotonic - then.monotonic, wall - then.wall);
}

/**
 * The longest time between two looks at the clocks. Timers stop while a device sleeps, and take at most 2^31 - 1 ms.
 */
const LONGEST_NAP = 30_000;

/**
 * Calls `wake` when {@link since} says that `delay` ms have passed. If they passed in a sleep: soon after the sleep.
 *
 * @returns `cancel`, and `look`, which looks at the clocks at once.
 */
export function alarm(delay: number, wake: () => void): { cancel(): void; look(): void } {
  const set = now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let done = false;
  const look = () => {
    clearTimeout(timer);
    if (done) return;
    const left = delay - since(set);
    if (left <= 0) {
      done = true;
      wake();
    } else {
      timer = setTimeout(look, Math.min(left, LONGEST_NAP));
    }
  };
  timer = setTimeout(look, Math.min(Math.max(0, delay), LONGEST_NAP));
  return {
    look,
    cancel: () => {
      done = true;
      clearTimeout(timer);
    },
  };
}

const FIRST_BACKOFF = 500;
const LONGEST_BACKOFF = 30_000;

/** How long to wait after a failure, if `failed` others came before it, in ms: exponential, with full jitter. */
export function backoff(failed: number): number {
  return Math.min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** failed) * Math.random();
}
