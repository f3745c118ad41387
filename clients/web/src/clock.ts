/** A moment on this device, by both of its clocks. */
export interface Moment {
  readonly monotonic: number;
  readonly wall: number;
}

export function now(): Moment {
  return { monotonic: performance.now(), wall: Date.now() };
}

/**
 * Milliseconds since then, never too few.
 *
 * In many browsers the monotonic clock stands still while the device sleeps; the wall clock goes on, but may be set.
 * Neither's absolute value counts, so a device that is hours off is no matter. The longer of both is right unless the
 * device slept *and* was set back; where the wall clock was set forward a token only seems older than it is.
 */
export function since(then: Moment): number {
  const { monotonic, wall } = now();
  return Math.max(0, monotonic - then.monotonic, wall - then.wall);
}

/** How long at most between two looks at the clocks: timers oversleep, and take no more than 2^31 - 1 ms. */
const LONGEST_NAP = 30_000;

/**
 * Calls `wake` once `delay` ms have passed by {@link since}, soon after a sleep if they passed in it.
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

/** How long to wait after this many failures before the one just now, in ms: exponential, with full jitter. */
export function backoff(failed: number): number {
  return Math.min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** failed) * Math.random();
}
