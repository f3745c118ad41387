import type { TokenError } from './errors.js';

/** Ends work, and says why. An AbortSignal has a `reason`, too, but not in every version of React Native. */
export class Cut {
  readonly #controller = new AbortController();
  #why: TokenError | undefined;

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why the work was ended. `undefined`: it goes on. */
  get why(): TokenError | undefined {
    return this.#why;
  }

  /** Ends the work. Only the first reason counts. */
  end(why: TokenError): void {
    this.#why ??= why;
    this.#controller.abort(this.#why);
  }

  /**
   * Calls `end` with the reason when the work is ended. If the work is ended already, calls `end` at once. Returns a
   * function that cancels this.
   */
  whenEnded(end: (why: TokenError) => void): () => void {
    const { signal } = this;
    const told = () => end(this.#why!);
    if (this.#why === undefined) signal.addEventListener('abort', told, { once: true });
    else told();
    return () => signal.removeEventListener('abort', told);
  }

  /** The promise's result. If the work is ended first, it rejects with the reason. */
  until<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const done = this.whenEnded(reject);
      promise.then(resolve, reject).finally(done);
    });
  }
}
