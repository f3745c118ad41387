/**
 * Why there is no token.
 *
 * - `refused`: the service refuses, and another try would not change that (401, 403, 404, another 4xx).
 * - `unavailable`: the service cannot answer now, but may later (5xx, 408, 425, 429, or a redirect,
 *   which is not followed).
 * - `network`: no answer. There is no connection, the name doesn't resolve, or the browser hides the answer from the
 *   page (CORS).
 * - `timeout`: no complete answer in time.
 * - `bad-answer`: the answer holds no such token. It may come from a hotel's log-in page, for example.
 * - `no-jwt`: the `jwt` function failed or returned nothing that can be sent.
 * - `stopped`: the keeper was stopped.
 */
export type Reason = 'refused' | 'unavailable' | 'network' | 'timeout' | 'bad-answer' | 'no-jwt' | 'stopped';

/** What the service says about a failure (RFC 9457). */
export interface Problem {
  readonly type?: string;
  readonly title?: string;
  readonly status?: number;
  /** Names the parameter and the rule. */
  readonly detail?: string;
  /** Finds the request in the service's log. */
  readonly request_id?: string;
}

/** There is no token. No property of it holds one, nor the caller's JWT. */
export class TokenError extends Error {
  override readonly name = 'TokenError';
  readonly reason: Reason;
  /** The HTTP status, if there was an answer. */
  readonly status: number | undefined;
  /** What the service said about it, if it did. */
  readonly problem: Problem | undefined;
  /** How long the service asks the client to wait, in milliseconds. @internal */
  readonly retryAfter: number | undefined;

  /** @internal */
  constructor(
    reason: Reason,
    message: string,
    more: { status?: number; problem?: Problem; retryAfter?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, 'cause' in more ? { cause: more.cause } : undefined);
    this.reason = reason;
    this.status = more.status;
    this.problem = more.problem;
    this.retryAfter = more.retryAfter;
  }

  /** Whether the same request may get a token a little later. */
  get temporary(): boolean {
    return this.reason !== 'refused' && this.reason !== 'stopped';
  }
}
