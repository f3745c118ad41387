import type { Answer } from '../answers.js';
import { backoff } from '../clock.js';
import { TokenError } from '../errors.js';
import { tell } from '../tell.js';

/** What an adapter uses of a `TokenKeeper`. */
export interface TokenSource<A extends Answer> {
  readonly current: A | undefined;
  token(): Promise<A>;
  renew(): Promise<A>;
  subscribe(listener: (answer: A) => void): () => void;
}

/** An SDK that is logged in and gets each new token. */
export interface Session {
  /** Stops passing tokens on, and logs out. The keeper goes on, because others may share it. */
  close(): Promise<void>;
}

/** The options of every adapter. */
export interface SessionOptions {
  /** Called when the SDK has taken a new token. */
  readonly onRenewed?: () => void;
  /** Called when the token had expired and the user is logged in again. */
  readonly onLoggedInAgain?: () => void;
  /**
   * Called when something fails after the log-in, with the SDK's own error or the keeper's `TokenError`. If a renewal
   * failed, the next try comes when the SDK warns. If a log-in failed, it is tried again, unless the service refuses
   * the token.
   */
  readonly onError?: (error: unknown) => void;
  /** Ends a running log-in, or the session. SDKs may try to log in for minutes. */
  readonly signal?: AbortSignal;
}

/** What to do with one SDK, step by step. */
export interface Steps<A extends Answer> {
  /** Logs in. */
  logIn(answer: A): Promise<unknown>;
  /** Gives a newer token to the SDK while it is logged in. */
  renew(answer: A): unknown;
  /**
   * Listens to the SDK. `warned`: its token is about to expire. `expired`: the SDK is logged out, and must log in
   * again.
   */
  listen(warned: () => void, expired: () => void): void;
  /** Ends what `listen` began. */
  unlisten(): void;
  logOut(): unknown;
}

/**
 * Does the same for every SDK. It logs in and passes each new token on. If the SDK warns, it fetches a token. If the
 * SDK is logged out, it logs in again.
 *
 * @throws what the keeper or the SDK throws if there is no token or the log-in fails, or the signal's reason. After
 *   that nothing listens any more.
 */
export async function session<A extends Answer>(
  keeper: TokenSource<A>,
  options: SessionOptions,
  steps: Steps<A>,
): Promise<Session> {
  /** `out`: the service has refused a token. If another one comes, it is used to log in. */
  let state: 'entering' | 'in' | 'out' | 'closed' = 'entering';
  /** The token that the SDK has. */
  let given: string | undefined;
  let resume = () => {};
  const is = (asked: typeof state) => state === asked;

  const logIn = async (fetched: Promise<A>) => {
    const answer = await fetched;
    if (is('closed')) return;
    await steps.logIn(answer);
    given = answer.token;
    if (is('closed')) return leave();
    state = 'in';
    // A newer token may have come during the log-in.
    if (keeper.current !== undefined) take(keeper.current);
  };
  const logInAgain = async () => {
    state = 'entering';
    for (let failed = 0; !is('closed'); failed += 1) {
      try {
        await logIn(keeper.renew());
        if (is('in')) tell(options.onLoggedInAgain, undefined);
        return;
      } catch (error) {
        if (is('closed')) return;
        tell(options.onError, error);
        if (error instanceof TokenError && !error.temporary) {
          state = 'out';
          return;
        }
        await new Promise<void>((done) => {
          const timer = setTimeout(done, backoff(failed));
          resume = () => {
            clearTimeout(timer);
            done();
          };
        });
      }
    }
  };
  const renew = async (answer: A) => {
    if (answer.token === given) return;
    const before = given;
    given = answer.token;
    try {
      await steps.renew(answer);
      tell(options.onRenewed, undefined);
    } catch (error) {
      // Forget it, so that the same token can be tried again when the SDK warns.
      if (given === answer.token) given = before;
      throw error;
    }
  };
  const failed = (error: unknown) => {
    if (!is('closed')) tell(options.onError, error);
  };
  const take = (answer: A) => {
    if (is('in')) renew(answer).catch(failed);
    else if (is('out')) void logInAgain();
  };
  const { signal } = options;
  signal?.throwIfAborted();
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal?.reason);
    signal?.addEventListener('abort', abort);
  });
  // Some SDKs throw at once if they cannot log out, others reject a promise later.
  const leave = async () => void (await steps.logOut());
  const close = () => {
    state = 'closed';
    signal?.removeEventListener('abort', abort);
    unsubscribe();
    steps.unlisten();
    resume();
  };

  const unsubscribe = keeper.subscribe(take);
  steps.listen(
    () => {
      // The SDK may have failed to take the newest token, so give it again. Newer ones come through the subscription.
      const { current } = keeper;
      if (current !== undefined && current.token !== given) take(current);
      else keeper.renew().catch(failed);
    },
    () => {
      if (is('in')) void logInAgain();
    },
  );
  try {
    await Promise.race([logIn(keeper.token()), aborted]);
  } catch (error) {
    close();
    if (signal?.aborted) await leave().catch(() => {});
    throw error;
  }
  const end = async () => {
    if (is('closed')) return;
    close();
    await leave();
  };
  aborted.catch(() => end().catch(failed));
  return { close: end };
}
