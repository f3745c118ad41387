import type { Answer, TokenRequest } from '../src/index.js';

/** A request, as the service sees it. */
export interface Seen {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: string | undefined;
  readonly signal: AbortSignal;
}

type Reply = Response | Promise<Response> | (() => Response | Promise<Response>);

/** A service without a network. It gives the planned answers in order, and after them new tokens. */
export class FakeService {
  readonly seen: Seen[] = [];
  readonly #replies: Reply[] = [];
  /** How far its clock is ahead of the device's, in seconds. */
  skew = 0;
  minted = 0;

  readonly fetch = async (url: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    this.seen.push({
      url: String(url),
      method: init.method ?? 'GET',
      headers: new Headers(init.headers),
      body: init.body as string | undefined,
      signal: init.signal as AbortSignal,
    });
    const reply = this.#replies.shift();
    if (reply === undefined) return this.mint();
    return typeof reply === 'function' ? reply() : reply;
  };

  /** Plans the next answers, one for each request. */
  says(...replies: Reply[]): this {
    this.#replies.push(...replies);
    return this;
  }

  /** Answers with an RTM token, each time another one. */
  mint({ life = 3600, renew = life * 0.8, old = 0, ...more }: Mint = {}): Response {
    this.minted += 1;
    const now = Math.floor(Date.now() / 1000) + this.skew;
    return Response.json({
      token: `007secret${this.minted}`,
      kind: 'agora-rtm',
      app_id: '0'.repeat(32),
      user_id: 'alice',
      version: '007',
      issued_at: now - old,
      expires_at: now + life,
      expires_in: life,
      renew_at: now + renew,
      ...more,
    });
  }
}

type Mint = { life?: number; renew?: number; old?: number } & Record<string, unknown>;

export function problem(status: number, headers: Record<string, string> = {}): Response {
  const body = { type: `urn:tokenmint:problem:p${status}`, title: 'A title.', status, detail: 'a detail', request_id: 'r1' };
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
  });
}

/** The user got as many tokens as one user may get in a minute. */
export function tooManyTokens(retryAfter: number): Response {
  const body = {
    type: 'urn:tokenmint:problem:too-many-tokens',
    title: 'This caller got too many tokens.',
    status: 429,
    detail: 'the caller got too many tokens in a minute (MINTS_PER_MINUTE): keep a token until its renew_at',
    request_id: 'r1',
  };
  return new Response(JSON.stringify(body), {
    status: 429,
    headers: { 'content-type': 'application/problem+json', 'retry-after': String(retryAfter) },
  });
}

/** A fetch without a connection. */
export const offline = () => Promise.reject(new TypeError('Failed to fetch'));

/** An answer that doesn't come. */
export const silence = () => new Promise<Response>(() => {});

export type { Answer, TokenRequest };
