import type { Answer } from './answers.js';
import type { Cut } from './cut.js';
import { type Problem, TokenError } from './errors.js';
import type { TokenRequest } from './requests.js';

/** The service that gives tokens, and the JWT that says who the caller is. */
export interface Service {
  /** The service's address: absolute, or a path on the page's own host. */
  readonly url: string;
  /**
   * Returns the caller's JWT. It is called before each attempt. The JWT is sent only over HTTPS, or to this machine.
   * Without this function requests carry no identity, and only a local run gives tokens.
   */
  readonly jwt?: (() => string | Promise<string>) | undefined;
  /** Used instead of the global `fetch`. */
  readonly fetch?: typeof fetch | undefined;
}

/** Names of this machine. */
const LOOPBACK = /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/;
/** In bytes. The service sends no longer answer. */
const LONGEST_ANSWER = 1 << 20;

/** The service's address, after a check that the JWT may be sent there. */
export function address(service: Service): string {
  const page = (globalThis as { location?: { href: string } }).location?.href;
  const url = new URL(service.url === '' ? '/' : service.url, page);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new TypeError("the service's address must begin with https:// or http://");
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new TypeError("the service's address must have no user, password, query or fragment");
  }
  if (service.jwt !== undefined && url.protocol === 'http:' && !LOOPBACK.test(url.hostname)) {
    throw new TypeError('a JWT may be sent only over HTTPS, or to this machine');
  }
  return url.href.replace(/\/+$/, '');
}

/**
 * Sends one request.
 *
 * @param base the service's address, from {@link address}.
 * @throws TokenError for any failure.
 */
export async function attempt<A extends Answer>(
  base: string,
  service: Service,
  request: TokenRequest<A>,
  cut: Cut,
): Promise<A> {
  const headers: Record<string, string> = { accept: 'application/json' };
  const jwt = service.jwt === undefined ? undefined : await bearer(service.jwt, cut);
  if (jwt !== undefined) headers['authorization'] = `Bearer ${jwt}`;
  if (request.body !== undefined) headers['content-type'] = 'application/json';
  const ask = service.fetch ?? fetch;
  let response: Response;
  let text: string | undefined;
  try {
    response = await cut.until(ask(base + request.path, {
      method: request.method,
      headers,
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      // No cache may store a token, and no redirect may take the JWT to another server.
      ...(hasCache() ? { cache: 'no-store' } : {}),
      credentials: 'omit',
      redirect: 'manual',
      referrerPolicy: 'no-referrer',
      signal: cut.signal,
    }));
    text = await cut.until(whole(response));
  } catch (cause) {
    if (cut.why !== undefined) throw cut.why;
    throw new TokenError('network', 'The token service cannot be reached.', { cause });
  }
  // A browser hides the status of a redirect.
  if (response.type === 'opaqueredirect') throw new TokenError('unavailable', 'The token service redirects. Is its address right?');
  // A server may repeat the JWT that it refuses, and errors end up in logs.
  if (response.status !== 200 && jwt !== undefined) text = text?.replaceAll(jwt, '[JWT]');
  const json = parsed(text ?? '');
  if (response.status !== 200) throw refusal(response, json);
  const answer = text === undefined ? undefined : request.read(text, json);
  if (answer === undefined) throw new TokenError('bad-answer', 'The answer holds no token.', { status: 200 });
  return answer;
}

/**
 * Whether `fetch` knows `cache`. The one in React Native does not: it appends `_=…` to the address instead, and the service
 * refuses this parameter. No cache stores an answer there, because the service forbids it.
 */
function hasCache(): boolean {
  return typeof Request === 'function' && 'cache' in Request.prototype;
}

/** The answer's text. `undefined`: it is too long. React Native has no `body`, so it reads all of the text first. */
async function whole(response: Response): Promise<string | undefined> {
  const parts = response.body?.getReader();
  if (parts === undefined) {
    const text = await response.text();
    return text.length > LONGEST_ANSWER ? undefined : text;
  }
  const decoder = new TextDecoder();
  let text = '';
  for (let length = 0; ; ) {
    const { done, value } = await parts.read();
    if (done) return text + decoder.decode();
    length += value.byteLength;
    if (length > LONGEST_ANSWER) {
      parts.cancel().catch(() => {});
      return undefined;
    }
    text += decoder.decode(value, { stream: true });
  }
}

async function bearer(jwt: () => string | Promise<string>, cut: Cut): Promise<string> {
  let token: unknown;
  try {
    token = await cut.until(Promise.resolve(jwt()));
  } catch (cause) {
    if (cut.why !== undefined) throw cut.why;
    throw new TokenError('no-jwt', 'The jwt function failed, so there is no JWT to send.', { cause });
  }
  // The syntax is RFC 6750's b64token. It also keeps line breaks out of the header.
  if (typeof token !== 'string' || !/^[A-Za-z0-9._~+/-]+=*$/.test(token)) {
    throw new TokenError('no-jwt', 'The jwt function returned no JWT.');
  }
  return token;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function refusal(response: Response, json: unknown): TokenError {
  const { status } = response;
  const problem = said(json);
  const temporary = status >= 500 || status === 408 || status === 425 || status === 429 || status < 400;
  const why = problem?.detail ?? problem?.title;
  const message = `The token service answered ${status}${why === undefined ? '' : `: ${why}`}`;
  return new TokenError(temporary ? 'unavailable' : 'refused', message, {
    status,
    ...(problem === undefined ? {} : { problem }),
    retryAfter: retryAfter(response.headers),
  });
}

/** Reads the service's problem, the tutorial route's error, or the gateway's `message`. */
function said(json: unknown): Problem | undefined {
  if (typeof json !== 'object' || json === null) return undefined;
  const told = json as Record<string, unknown>;
  const text = (name: string) => (typeof told[name] === 'string' ? { [name]: told[name].slice(0, 500) } : {});
  if (typeof told['title'] === 'string') {
    const status = typeof told['status'] === 'number' ? { status: told['status'] } : {};
    return { ...text('type'), ...text('title'), ...status, ...text('detail'), ...text('request_id') };
  }
  // The tutorial's route puts the text of an error into `token`.
  const words = told['message'] ?? (typeof told['code'] === 'string' && told['code'] !== '200' ? told['token'] : undefined);
  return typeof words === 'string' ? { title: words.slice(0, 500) } : undefined;
}

/**
 * The wait that the service asks for, in milliseconds. A date is compared with the server's own `Date`, never with this
 * device's clock.
 */
function retryAfter(headers: Headers): number | undefined {
  const asked = headers.get('retry-after')?.trim();
  if (asked === undefined) return undefined;
  if (/^\d+$/.test(asked)) return Number(asked) * 1000;
  const wait = Date.parse(asked) - Date.parse(headers.get('date') ?? '');
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}
