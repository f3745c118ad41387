import type { Answer, MintedAnswer, RtcAnswer } from './answers.js';
import { address, attempt, type Service } from './attempt.js';
import { alarm, backoff, type Moment, now, since } from './clock.js';
import { Cut } from './cut.js';
import { TokenError } from './errors.js';
import type { TokenRequest } from './requests.js';
import { tell } from './tell.js';

/** How a keeper works. Only `service` and `request` are required. */
export interface KeeperOptions<A extends Answer> {
  readonly service: Service;
  readonly request: TokenRequest<A>;
  /** Called with each new token. */
  readonly onToken?: (answer: A) => void;
  /** Called when an attempt has failed and another follows. */
  readonly onRetry?: (retry: Retry) => void;
  /** Called when the keeper gives up, because another try won't help. The current token stays good until it expires. */
  readonly onError?: (error: TokenError) => void;
  /** How long one attempt may take, in milliseconds. The default is 10 s. */
  readonly timeout?: number;
  /**
   * How long `token()` and `renew()` wait for a token, in milliseconds. The default is 30 s. Then they fail with the
   * last error, and the keeper goes on trying in the background.
   */
  readonly patience?: number;
}

/** An attempt has failed, and another follows. */
export interface Retry {
  readonly error: TokenError;
  /** How many milliseconds from now the next attempt follows. */
  readonly delay: number;
  /** How many attempts have failed in a row. */
  readonly failed: number;
}

/** What is left of a token, in milliseconds. */
export interface Left {
  /** Until the next one is fetched. 0 or less: the fetch has begun. */
  readonly renewal: number;
  /** Until it expires. */
  readonly expiry: number;
}

/** A token, and how old it may get. */
interface Held<A> {
  readonly answer: A;
  /** When its request was sent. The token's age is counted from here, so it can only seem older than it is. */
  readonly since: Moment;
  /** In milliseconds from `since`. */
  readonly renewal: number;
  readonly expiry: number;
}

/** A longer `Retry-After` is treated as a mistake: the keeper waits only this long. */
const LONGEST_RETRY_AFTER = 600_000;
/** A token younger than this isn't renewed. So an SDK that warns at once, as for a short token, causes no flood. */
const NEW = 5_000;

/**
 * Always keeps a good token.
 *
 * It works from the first `token()` or `renew()` until {@link stop}. It fetches the next token at `renew_at`. It
 * measures time so that neither a sleep of the device nor a wrong clock matters. It retries failures with exponential
 * backoff and full jitter, until there is a token or the service refuses one. It never sends two requests at a time:
 * callers that ask at the same time share one.
 */
export class TokenKeeper<A extends Answer> {
  readonly #options: KeeperOptions<A>;
  readonly #base: string;
  readonly #listeners = new Set<(answer: A) => void>();
  readonly #stopped = new Cut();
  #held: Held<A> | undefined;
  #renewal: Promise<A> | undefined;
  #lastError: TokenError | undefined;
  /** The service refused: the keeper sends no more requests until somebody needs a new token. */
  #refused = false;
  /** Starts the next renewal, or the next attempt of one. */
  #alarm: ReturnType<typeof alarm> | undefined;
  /** Starts the next attempt at once. */
  #hurry: (() => void) | undefined;

  /** @throws TypeError if a JWT would go over plain HTTP, or the address is not valid. */
  constructor(options: KeeperOptions<A>) {
    this.#options = options;
    this.#base = address(options.service);
    const page = globalThis as Partial<Pick<Window, 'addEventListener' | 'document'>>;
    const { signal } = this.#stopped;
    // The device wakes, or the page comes back: timers may be late, and the network may be a new one.
    for (const event of ['online', 'pageshow', 'focus']) {
      page.addEventListener?.(event, () => this.wake(event === 'online'), { signal });
    }
    for (const event of ['visibilitychange', 'resume']) {
      page.document?.addEventListener(event, () => this.wake(), { signal });
    }
  }

  /**
   * A token that is good now: the current one or, if that is no longer good, the next one.
   *
   * @throws TokenError if the service refuses, `patience` ends, or the keeper is stopped.
   */
  token(): Promise<A> {
    const held = this.#good();
    if (held === undefined) return this.#patiently(this.#renewing());
    if (since(held.since) >= held.renewal && !this.#refused) this.#behind();
    return Promise.resolve(held.answer);
  }

  /**
   * A newer token than the current one. Call it when an SDK says that its token is about to expire. If the current
   * token came in the last five seconds, you get that one.
   *
   * @throws TokenError like {@link token}.
   */
  renew(): Promise<A> {
    const held = this.#good();
    if (held !== undefined && since(held.since) < NEW) return Promise.resolve(held.answer);
    return this.#patiently(this.#renewing());
  }

  /** The current token, if it is good. */
  get current(): A | undefined {
    return this.#good()?.answer;
  }

  /** What is left of the current token, if it is good. */
  get left(): Left | undefined {
    const held = this.#good();
    if (held === undefined) return undefined;
    const age = since(held.since);
    return { renewal: held.renewal - age, expiry: held.expiry - age };
  }

  /** Whether it was stopped. */
  get stopped(): boolean {
    return this.#stopped.why !== undefined;
  }

  /**
   * Calls `listener` with each new token from now on, until you call the returned function.
   */
  subscribe(listener: (answer: A) => void): () => void {
    // A function that subscribes twice has two subscriptions.
    const told = (answer: A) => listener(answer);
    this.#listeners.add(told);
    return () => void this.#listeners.delete(told);
  }

  /**
   * Looks at the clocks at once. In a page the keeper does this by itself. In React Native, call `wake()` when the
   * app comes to the foreground, and `wake(true)` when there is a network again.
   */
  wake(networkIsBack = false): void {
    const failure = this.#lastError?.reason;
    // A new connection may help against a network failure, so try at once. A wait that the service asked for is kept.
    if (networkIsBack && (failure === 'network' || failure === 'timeout') && this.#hurry !== undefined) this.#hurry();
    else this.#alarm?.look();
  }

  /** Ends all work for good, and forgets the token. Callers that still wait get a {@link TokenError}. */
  stop(): void {
    if (this.stopped) return;
    this.#alarm?.cancel();
    this.#held = undefined;
    this.#listeners.clear();
    this.#stopped.end(new TokenError('stopped', 'This token keeper was stopped.'));
  }

  #good(): Held<A> | undefined {
    const held = this.#held;
    if (held === undefined) return undefined;
    // A token that is about to expire would expire on its way to the vendor.
    const margin = Math.min(5_000, held.expiry / 10);
    return since(held.since) < held.expiry - margin ? held : undefined;
  }

  /** The running renewal, or a new one. */
  #renewing(): Promise<A> {
    if (this.#stopped.why !== undefined) return Promise.reject(this.#stopped.why);
    if (this.#renewal === undefined) {
      this.#renewal = this.#renew().finally(() => (this.#renewal = undefined));
    }
    return this.#renewal;
  }

  /** Renews in the background. Nobody waits for it; `onError` gets its failure. */
  #behind(): void {
    this.#renewing().catch(() => {});
  }

  async #renew(): Promise<A> {
    this.#alarm?.cancel();
    this.#lastError = undefined;
    this.#refused = false;
    for (let failed = 0; ; ) {
      try {
        const held = await this.#attempt();
        if (this.#stopped.why !== undefined) throw this.#stopped.why;
        this.#take(held);
        return held.answer;
      } catch (error) {
        if (this.#stopped.why !== undefined) throw this.#stopped.why;
        this.#lastError = error as TokenError;
        if (!this.#lastError.temporary) {
          this.#refused = true;
          tell(this.#options.onError, this.#lastError);
          throw error;
        }
        const asked = Math.min(this.#lastError.retryAfter ?? 0, LONGEST_RETRY_AFTER);
        const delay = asked + backoff(failed);
        failed += 1;
        tell(this.#options.onRetry, { error: this.#lastError, delay, failed });
        await this.#pause(delay);
      }
    }
  }

  async #attempt(): Promise<Held<A>> {
    const { service, request, timeout = 10_000 } = this.#options;
    const cut = new Cut();
    const done = this.#stopped.whenEnded((why) => cut.end(why));
    const timer = setTimeout(() => {
      cut.end(new TokenError('timeout', `The token service did not answer within ${timeout} ms.`));
    }, timeout);
    try {
      const sent = now();
      return held(request, await attempt(this.#base, service, request, cut), sent);
    } finally {
      clearTimeout(timer);
      done();
    }
  }

  #take(held: Held<A>): void {
    this.#held = held;
    this.#lastError = undefined;
    this.#alarm = alarm(held.renewal - since(held.since), () => this.#behind());
    tell(this.#options.onToken, held.answer);
    for (const listener of [...this.#listeners]) tell(listener, held.answer);
  }

  /** Waits before the next attempt. */
  #pause(delay: number): Promise<void> {
    return new Promise((resolve, reject) => {
      // A listener may have stopped the keeper just now.
      const done = this.#stopped.whenEnded(reject);
      if (this.stopped) return;
      const resume = () => {
        this.#hurry = undefined;
        this.#alarm?.cancel();
        done();
        resolve();
      };
      this.#hurry = resume;
      this.#alarm = alarm(delay, resume);
    });
  }

  #patiently(renewal: Promise<A>): Promise<A> {
    const { patience = 30_000 } = this.#options;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(this.#lastError ?? new TokenError('timeout', `There was no token within ${patience} ms.`));
      }, Math.min(patience, 2 ** 31 - 1));
      renewal.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }
}

/**
 * How old this token may get. Every time in an answer is the server's: when it answered, its clock said `expires_at`
 * minus `expires_in`. So only differences are used, counted from when the request was sent.
 */
function held<A extends Answer>(request: TokenRequest<A>, answer: A, sent: Moment): Held<A> {
  const minted: Partial<MintedAnswer> = answer;
  const { expires_at, expires_in, renew_at } = minted;
  let renewal: number;
  let expiry: number;
  if (expires_at !== undefined && expires_in !== undefined && renew_at !== undefined) {
    // A privilege may end before the token. After that the token no longer does what the app needs.
    const ends = Object.values((minted as Partial<RtcAnswer>).privileges ?? {}).map((privilege) => privilege.expires_at);
    expiry = (Math.min(expires_at, ...ends.filter(Number.isSafeInteger)) - (expires_at - expires_in)) * 1000;
    renewal = (renew_at - (expires_at - expires_in)) * 1000;
  } else {
    // Clients that started together should not all return in the same second.
    expiry = request.lifetime * 1000;
    renewal = expiry * (0.5 - 0.1 * Math.random());
  }
  if (since(sent) >= expiry) throw new TokenError('bad-answer', 'The token had expired when it came.', { status: 200 });
  // Wait at least a second: a renewal that is always due at once would be a loop.
  return { answer, since: sent, renewal: Math.max(1_000, Math.min(renewal, expiry)), expiry };
}
