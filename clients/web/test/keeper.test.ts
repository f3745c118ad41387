import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type KeeperOptions, type Retry, rtc, rtm, type RtmAnswer, TokenError, TokenKeeper } from '../src/index.js';
import { FakeService, offline, problem, silence, tooManyTokens } from './service.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

let service: FakeService;
let keepers: TokenKeeper<RtmAnswer>[];
let unhandled: unknown[];
const note = (reason: unknown) => unhandled.push(reason);

beforeEach(() => {
  vi.useFakeTimers({ now: new Date('2026-03-01T12:00:00Z') });
  // No randomness: each backoff is as long as it can be.
  vi.spyOn(Math, 'random').mockReturnValue(1);
  service = new FakeService();
  keepers = [];
  unhandled = [];
  process.on('unhandledRejection', note);
});

afterEach(async () => {
  for (const keeper of keepers) keeper.stop();
  await vi.advanceTimersByTimeAsync(0);
  expect(vi.getTimerCount(), 'timers that outlive stop()').toBe(0);
  vi.useRealTimers();
  await new Promise((turn) => setTimeout(turn, 0));
  process.off('unhandledRejection', note);
  expect(unhandled, 'unhandled rejections').toEqual([]);
});

function keep(options: Partial<KeeperOptions<RtmAnswer>> = {}): TokenKeeper<RtmAnswer> {
  const keeper = new TokenKeeper({
    service: { url: 'https://tokens.example.com', fetch: service.fetch },
    request: rtm('alice'),
    ...options,
  });
  keepers.push(keeper);
  return keeper;
}

/** The error of a promise that fails. */
async function failure(promise: Promise<unknown>): Promise<TokenError> {
  const error = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(TokenError);
  return error as TokenError;
}

/** The page's and the document's events. */
function page() {
  const window = new EventTarget();
  const document = new EventTarget();
  vi.stubGlobal('addEventListener', window.addEventListener.bind(window));
  vi.stubGlobal('document', document);
  return { window, document };
}

describe('fetching', () => {
  it('asks nothing before it is asked', async () => {
    keep();
    await vi.advanceTimersByTimeAsync(HOUR);
    expect(service.seen).toEqual([]);
  });

  it('hands out the same token while it is good', async () => {
    const keeper = keep();
    expect(await keeper.token()).toMatchObject({ token: '007secret1', user_id: 'alice' });
    await vi.advanceTimersByTimeAsync(10 * MINUTE);
    expect(await keeper.token()).toMatchObject({ token: '007secret1' });
    expect(service.seen).toHaveLength(1);
  });

  it('makes one request for all who ask at once', async () => {
    const keeper = keep();
    const all = await Promise.all([keeper.token(), keeper.renew(), keeper.token(), keeper.token()]);
    expect(new Set(all.map((answer) => answer.token))).toEqual(new Set(['007secret1']));
    expect(service.seen).toHaveLength(1);
  });

  it('asks for the JWT anew each time, and waits for it', async () => {
    let n = 0;
    const jwt = vi.fn(async () => `jwt.${(n += 1)}.x`);
    const keeper = keep({ service: { url: 'https://tokens.example.com/', fetch: service.fetch, jwt } });
    service.says(problem(503));
    const token = keeper.token();
    await vi.advanceTimersByTimeAsync(SECOND);
    await token;
    expect(service.seen.map((seen) => seen.headers.get('authorization'))).toEqual(['Bearer jwt.1.x', 'Bearer jwt.2.x']);
  });

  it('sends a request that is stored nowhere and carries no cookie', async () => {
    const fetch = vi.fn(service.fetch);
    await keep({ service: { url: 'https://tokens.example.com', fetch } }).token();
    expect(fetch.mock.calls[0]?.[1]).toMatchObject({
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'manual',
      referrerPolicy: 'no-referrer',
    });
    expect(service.seen[0]?.headers.get('authorization')).toBeNull();
  });

  it('asks the address as it is, where fetch would change it for `cache`', async () => {
    // As in React Native.
    vi.stubGlobal('Request', class {});
    const fetch = vi.fn(service.fetch);
    await keep({ service: { url: 'https://tokens.example.com', fetch } }).token();
    expect(fetch.mock.calls[0]?.[1]).not.toHaveProperty('cache');
  });

  it('sends no JWT over plain HTTP, but to this machine', () => {
    const jwt = () => 'a.b.c';
    expect(() => keep({ service: { url: 'http://tokens.example.com', jwt } })).toThrow(TypeError);
    expect(() => keep({ service: { url: 'http://localhost.example.com', jwt } })).toThrow(TypeError);
    for (const url of ['http://localhost:9000', 'http://127.0.0.1:9000', 'http://[::1]:9000']) keep({ service: { url, jwt } });
    keep({ service: { url: 'http://192.168.0.7:9000' } });
    for (const url of ['ftp://x', 'https://u:p@x', 'https://x/?a=b']) expect(() => keep({ service: { url } })).toThrow(TypeError);
  });

  it.each(['', 'with space', 'with\nline', 'ü'])('sends no JWT that is none: %j', async (jwt) => {
    const keeper = keep({ service: { url: 'https://t.example.com', fetch: service.fetch, jwt: () => jwt }, patience: 10 });
    const failed = failure(keeper.token());
    await vi.advanceTimersByTimeAsync(20);
    expect(await failed).toMatchObject({ reason: 'no-jwt' });
    expect(service.seen).toEqual([]);
  });
});

describe('staying fresh', () => {
  it('renews when renew_at comes, and tells', async () => {
    const onToken = vi.fn();
    const keeper = keep({ onToken });
    const told: string[] = [];
    keeper.subscribe((answer) => told.push(answer.token));
    await keeper.token();
    await vi.advanceTimersByTimeAsync(0.8 * HOUR - SECOND);
    expect(service.seen).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(2 * SECOND);
    expect(service.seen).toHaveLength(2);
    expect(told).toEqual(['007secret1', '007secret2']);
    expect(onToken).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(24 * HOUR);
    expect(service.seen.length).toBeGreaterThan(29);
    expect(service.seen.length).toBeLessThan(33);
  });

  it.each([-9 * HOUR, 9 * HOUR])('is not led astray by a device that is %d ms off', async (off) => {
    service.skew = -off / SECOND;
    const keeper = keep();
    await keeper.token();
    expect(keeper.left).toMatchObject({ renewal: 0.8 * HOUR, expiry: HOUR });
    await vi.advanceTimersByTimeAsync(0.8 * HOUR + SECOND);
    expect(service.seen).toHaveLength(2);
  });

  it('is not led astray by a clock that is set back', async () => {
    const keeper = keep();
    await keeper.token();
    await vi.advanceTimersByTimeAsync(10 * MINUTE);
    vi.setSystemTime(Date.now() - 5 * HOUR);
    await vi.advanceTimersByTimeAsync(0.8 * HOUR - 10 * MINUTE + SECOND);
    expect(service.seen).toHaveLength(2);
  });

  it('does not hand out what expired while the device slept', async () => {
    const keeper = keep();
    await keeper.token();
    // Timers and the monotonic clock stood still.
    vi.setSystemTime(Date.now() + 8 * HOUR);
    expect(keeper.current).toBeUndefined();
    expect(keeper.left).toBeUndefined();
    expect(await keeper.token()).toMatchObject({ token: '007secret2' });
  });

  it('notices it at once when the app says so, where there is no page', async () => {
    const keeper = keep();
    await keeper.token();
    keeper.wake();
    await vi.advanceTimersByTimeAsync(0);
    expect(service.seen).toHaveLength(1);
    vi.setSystemTime(Date.now() + 8 * HOUR);
    keeper.wake();
    await vi.advanceTimersByTimeAsync(0);
    expect(service.seen).toHaveLength(2);
    keeper.stop();
    vi.setSystemTime(Date.now() + 8 * HOUR);
    keeper.wake(true);
    await vi.advanceTimersByTimeAsync(MINUTE);
    expect(service.seen).toHaveLength(2);
  });

  it('notices within half a minute that it slept, without any event', async () => {
    const keeper = keep();
    await keeper.token();
    vi.setSystemTime(Date.now() + 8 * HOUR);
    await vi.advanceTimersByTimeAsync(30 * SECOND);
    expect(service.seen).toHaveLength(2);
    expect(keeper.current).toMatchObject({ token: '007secret2' });
  });

  it.each([['window', 'pageshow'], ['window', 'focus'], ['window', 'online'], ['document', 'visibilitychange'], ['document', 'resume']] as const)(
    'notices it at once when the %s says %s',
    async (target, event) => {
      const targets = page();
      const keeper = keep();
      await keeper.token();
      targets[target].dispatchEvent(new Event(event));
      await vi.advanceTimersByTimeAsync(0);
      expect(service.seen).toHaveLength(1);
      vi.setSystemTime(Date.now() + 8 * HOUR);
      targets[target].dispatchEvent(new Event(event));
      await vi.advanceTimersByTimeAsync(0);
      expect(service.seen).toHaveLength(2);
      keeper.stop();
      vi.setSystemTime(Date.now() + 8 * HOUR);
      targets[target].dispatchEvent(new Event(event));
      await vi.advanceTimersByTimeAsync(MINUTE);
      expect(service.seen).toHaveLength(2);
    },
  );

  it('waits for tokens that live longer than a timer can', async () => {
    const life = 32 * 24 * 3600;
    service.says(service.mint({ life }));
    const keeper = keep();
    await keeper.token();
    await vi.advanceTimersByTimeAsync(0.8 * life * SECOND - SECOND);
    expect(service.seen).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(2 * SECOND);
    expect(service.seen).toHaveLength(2);
  });

  it('hands out no token that would end on its way', async () => {
    service.says(service.mint({ life: 100, renew: 50 }), problem(503, { 'retry-after': '300' }));
    const keeper = keep({ patience: SECOND });
    await keeper.token();
    await vi.advanceTimersByTimeAsync(94 * SECOND);
    expect(await keeper.token()).toMatchObject({ token: '007secret1' });
    await vi.advanceTimersByTimeAsync(2 * SECOND);
    const failed = failure(keeper.token());
    await vi.advanceTimersByTimeAsync(2 * SECOND);
    expect(await failed).toMatchObject({ reason: 'unavailable', status: 503 });
  });

  it('counts a token from when it was asked for', async () => {
    service.says(async () => {
      const minted = service.mint({ life: 100, renew: 50 });
      await new Promise((done) => setTimeout(done, 8 * SECOND));
      return minted;
    });
    const keeper = keep();
    const token = keeper.token();
    await vi.advanceTimersByTimeAsync(8 * SECOND);
    await token;
    expect(keeper.left).toEqual({ renewal: 42 * SECOND, expiry: 92 * SECOND });
  });

  it('believes of a token that was handed out before what is left, not what it had', async () => {
    service.says(service.mint({ life: 1000, renew: 600, old: 2600 }));
    const keeper = keep();
    await keeper.token();
    expect(keeper.left).toEqual({ renewal: 600 * SECOND, expiry: 1000 * SECOND });
  });

  it('takes a token to end with its first privilege', async () => {
    const now = Math.floor(Date.now() / 1000);
    const answer = {
      kind: 'agora-rtc',
      channel: 'demo',
      uid: 7,
      role: 'publisher',
      privileges: { join_channel: { expires_at: now + 3600 }, publish_audio: { expires_at: now + 600 } },
    };
    service.says(service.mint({ life: 3600, renew: 480, ...answer }));
    const keeper = new TokenKeeper({
      service: { url: 'https://t.example.com', fetch: service.fetch },
      request: rtc('demo', { uid: 7, role: 'publisher', privileges: { join_channel: 3600, publish_audio: 600 } }),
    });
    await keeper.token();
    expect(keeper.left).toEqual({ renewal: 480 * SECOND, expiry: 600 * SECOND });
    keeper.stop();
  });

  it('makes no storm of tokens that are due at once', async () => {
    for (let n = 0; n < 100; n += 1) service.says(() => service.mint({ life: 1, renew: 0 }));
    const keeper = keep();
    await keeper.token();
    await vi.advanceTimersByTimeAsync(10 * SECOND);
    expect(service.seen.length).toBeLessThanOrEqual(11);
  });

  it('renews on demand, but nothing that is new', async () => {
    const keeper = keep();
    await keeper.token();
    for (let n = 0; n < 20; n += 1) expect(await keeper.renew()).toMatchObject({ token: '007secret1' });
    await vi.advanceTimersByTimeAsync(6 * SECOND);
    expect(await keeper.renew()).toMatchObject({ token: '007secret2' });
    expect(keeper.current).toMatchObject({ token: '007secret2' });
    // The alarm of the older token is cancelled.
    await vi.advanceTimersByTimeAsync(0.8 * HOUR - SECOND);
    expect(service.seen).toHaveLength(2);
  });

  it('goes on when a listener fails', async () => {
    const reported = vi.fn();
    vi.stubGlobal('reportError', reported);
    const onToken = vi.fn(() => {
      throw new Error('mine');
    });
    const keeper = keep({ onToken });
    keeper.subscribe(() => Promise.reject(new Error('later')) as never);
    const told = vi.fn();
    keeper.subscribe(told);
    await keeper.token();
    await vi.advanceTimersByTimeAsync(HOUR);
    expect(told).toHaveBeenCalledTimes(2);
    expect(reported).toHaveBeenCalledTimes(4);
  });

  it('tells nobody who has left', async () => {
    const keeper = keep();
    const told = vi.fn();
    const leave = keeper.subscribe(told);
    const other = vi.fn();
    keeper.subscribe(other);
    leave();
    await keeper.token();
    expect(told).not.toHaveBeenCalled();
    expect(other).toHaveBeenCalledTimes(1);
  });
});

describe('failing', () => {
  it('tries again, later and later, until there is a token', async () => {
    service.says(offline, problem(500), problem(502), problem(429), offline, new Response('<html>Log in to the hotel', { status: 200 }));
    const retries: Retry[] = [];
    const keeper = keep({ onRetry: (retry) => retries.push(retry), patience: HOUR });
    const token = keeper.token();
    await vi.advanceTimersByTimeAsync(5 * MINUTE);
    expect(await token).toMatchObject({ token: '007secret1' });
    expect(retries.map(({ error }) => error.reason)).toEqual(['network', 'unavailable', 'unavailable', 'unavailable', 'network', 'bad-answer']);
    expect(retries.map(({ delay }) => delay)).toEqual([500, 1000, 2000, 4000, 8000, 16000]);
    expect(retries.map(({ failed }) => failed)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('waits at most half a minute between two attempts', async () => {
    for (let n = 0; n < 40; n += 1) service.says(problem(503));
    const retries: Retry[] = [];
    const keeper = keep({ onRetry: (retry) => retries.push(retry) });
    const failed = failure(keeper.token());
    await vi.advanceTimersByTimeAsync(10 * MINUTE);
    await failed;
    expect(Math.max(...retries.map(({ delay }) => delay))).toBe(30 * SECOND);
  });

  it('spreads attempts over all of the wait', async () => {
    vi.mocked(Math.random).mockReturnValueOnce(0.25).mockReturnValueOnce(0.5);
    service.says(problem(503), problem(503));
    const retries: Retry[] = [];
    const keeper = keep({ onRetry: (retry) => retries.push(retry) });
    const token = keeper.token();
    await vi.advanceTimersByTimeAsync(SECOND);
    await token;
    expect(retries.map(({ delay }) => delay)).toEqual([125, 500]);
  });

  it.each([
    ['7', 7_500],
    ['Sun, 01 Mar 2026 12:00:09 GMT', 9_500],
    ['99999999', 600_500],
    ['soon', 500],
  ])('leaves the service alone as long as it asks: Retry-After: %s', async (after, delay) => {
    // Both dates are the server's, so a device with a wrong clock does not matter.
    vi.setSystemTime(new Date('2031-01-01T00:00:00Z'));
    service.says(problem(503, { 'retry-after': after, date: 'Sun, 01 Mar 2026 12:00:00 GMT' }));
    const retries: Retry[] = [];
    const { window } = page();
    const keeper = keep({ onRetry: (retry) => retries.push(retry), patience: HOUR });
    const token = keeper.token();
    await vi.advanceTimersByTimeAsync(0);
    expect(retries[0]?.delay).toBe(delay);
    window.dispatchEvent(new Event('online'));
    await vi.advanceTimersByTimeAsync(delay - 10);
    expect(service.seen).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(20);
    await token;
    expect(service.seen).toHaveLength(2);
  });

  it('keeps its token while the user gets no more of them, and has the next one after Retry-After', async () => {
    service.says(service.mint(), tooManyTokens(20), tooManyTokens(5));
    const retries: Retry[] = [];
    const onError = vi.fn();
    const { window } = page();
    const keeper = keep({ onRetry: (retry) => retries.push(retry), onError });
    await keeper.token();
    await vi.advanceTimersByTimeAsync(0.8 * HOUR);
    expect(service.seen).toHaveLength(2);
    expect(retries[0]).toMatchObject({ delay: 20_500, error: { reason: 'unavailable', status: 429, temporary: true } });
    expect(retries[0]?.error.problem?.type).toBe('urn:tokenmint:problem:too-many-tokens');
    // Neither an SDK that warns nor a new connection makes it ask earlier.
    const renewed = keeper.renew();
    window.dispatchEvent(new Event('online'));
    await vi.advanceTimersByTimeAsync(20 * SECOND);
    expect(await keeper.token()).toMatchObject({ token: '007secret1' });
    expect(service.seen).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(SECOND);
    expect(service.seen).toHaveLength(3);
    expect(keeper.current).toMatchObject({ token: '007secret1' });
    await vi.advanceTimersByTimeAsync(6 * SECOND);
    expect(await renewed).toMatchObject({ token: '007secret2' });
    expect(retries).toHaveLength(2);
    expect(onError).not.toHaveBeenCalled();
  });

  it('tries at once when the connection is back', async () => {
    const { window } = page();
    for (let n = 0; n < 8; n += 1) service.says(offline);
    const keeper = keep({ patience: HOUR });
    const token = keeper.token();
    await vi.advanceTimersByTimeAsync(70 * SECOND);
    expect(service.seen).toHaveLength(8);
    window.dispatchEvent(new Event('online'));
    await vi.advanceTimersByTimeAsync(0);
    expect(await token).toMatchObject({ token: '007secret1' });
  });

  it('tries at once when the app says that the connection is back, and not when it says only that it is awake', async () => {
    for (let n = 0; n < 8; n += 1) service.says(offline);
    const keeper = keep({ patience: HOUR });
    const token = keeper.token();
    await vi.advanceTimersByTimeAsync(70 * SECOND);
    expect(service.seen).toHaveLength(8);
    keeper.wake();
    await vi.advanceTimersByTimeAsync(0);
    expect(service.seen).toHaveLength(8);
    keeper.wake(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(await token).toMatchObject({ token: '007secret1' });
  });

  it('cuts off an attempt that takes too long', async () => {
    service.says(silence, () => new Response(new ReadableStream({}), { status: 200 }));
    const retries: Retry[] = [];
    const keeper = keep({ onRetry: (retry) => retries.push(retry), timeout: 3 * SECOND });
    const token = keeper.token();
    await vi.advanceTimersByTimeAsync(3 * SECOND);
    expect(service.seen[0]?.signal.aborted).toBe(true);
    await vi.advanceTimersByTimeAsync(5 * SECOND);
    expect(await token).toMatchObject({ token: '007secret1' });
    expect(retries.map(({ error }) => error.reason)).toEqual(['timeout', 'timeout']);
  });

  it('cuts off a JWT that does not come, and tries again when there is none', async () => {
    const jwt = vi.fn<() => string | Promise<string>>();
    jwt.mockReturnValueOnce(new Promise(() => {})).mockRejectedValueOnce(new Error('signed out'));
    jwt.mockImplementationOnce(() => {
      throw new Error('signed out');
    });
    jwt.mockReturnValue('a.b.c');
    const retries: Retry[] = [];
    const keeper = keep({
      service: { url: 'https://t.example.com', fetch: service.fetch, jwt },
      onRetry: (retry) => retries.push(retry),
    });
    const token = keeper.token();
    await vi.advanceTimersByTimeAsync(20 * SECOND);
    await token;
    expect(retries.map(({ error }) => error.reason)).toEqual(['timeout', 'no-jwt', 'no-jwt']);
  });

  it.each([400, 401, 403, 404, 405, 413])('gives up at a %d', async (status) => {
    service.says(problem(status));
    const onError = vi.fn();
    const keeper = keep({ onError });
    const error = await failure(keeper.token());
    expect(error).toMatchObject({ reason: 'refused', status, temporary: false });
    expect(error.problem).toEqual({ type: `urn:tokenmint:problem:p${status}`, title: 'A title.', status, detail: 'a detail', request_id: 'r1' });
    expect(onError).toHaveBeenCalledExactlyOnceWith(error);
    await vi.advanceTimersByTimeAsync(24 * HOUR);
    expect(service.seen).toHaveLength(1);
  });

  it('keeps the token at hand when a renewal is refused, asks no more, and takes one when asked again', async () => {
    service.says(service.mint(), problem(401));
    const onError = vi.fn();
    const keeper = keep({ onError });
    await keeper.token();
    await vi.advanceTimersByTimeAsync(0.9 * HOUR);
    expect(onError).toHaveBeenCalledTimes(1);
    for (let n = 0; n < 10; n += 1) expect(await keeper.token()).toMatchObject({ token: '007secret1' });
    await vi.advanceTimersByTimeAsync(MINUTE);
    expect(service.seen).toHaveLength(2);
    // The user has signed in again.
    expect(await keeper.renew()).toMatchObject({ token: '007secret2' });
    await vi.advanceTimersByTimeAsync(0.8 * HOUR + SECOND);
    expect(service.seen).toHaveLength(4);
  });

  it('reads what the gateway says in its own words', async () => {
    service.says(Response.json({ message: 'Unauthorized' }, { status: 401 }));
    const error = await failure(keep().token());
    expect(error).toMatchObject({ status: 401, problem: { title: 'Unauthorized' } });
  });

  it.each([
    ['nothing', ''],
    ['no JSON', '{'],
    ['null', 'null'],
    ['another kind', JSON.stringify({ token: '007x', kind: 'agora-rtc', issued_at: 1, expires_at: 2, expires_in: 1, renew_at: 1 })],
    ['no token', JSON.stringify({ kind: 'agora-rtm', issued_at: 1, expires_at: 2, expires_in: 1, renew_at: 1 })],
    ['no times', JSON.stringify({ token: '007x', kind: 'agora-rtm' })],
    ['expired', JSON.stringify({ token: '007x', kind: 'agora-rtm', issued_at: 1, expires_at: 2, expires_in: 0, renew_at: 1 })],
  ])('takes no token from an answer with %s', async (_, body) => {
    service.says(new Response(body, { status: 200 }));
    const onRetry = vi.fn();
    const token = keep({ onRetry }).token();
    await vi.advanceTimersByTimeAsync(SECOND);
    expect(await token).toMatchObject({ token: '007secret1' });
    expect(onRetry.mock.calls[0]?.[0].error.reason).toBe('bad-answer');
  });

  it('lets callers go when their patience ends, and goes on behind them', async () => {
    for (let n = 0; n < 7; n += 1) service.says(offline);
    const onToken = vi.fn();
    const keeper = keep({ onToken });
    const [one, two] = [failure(keeper.token()), failure(keeper.renew())];
    await vi.advanceTimersByTimeAsync(30 * SECOND);
    expect(await one).toMatchObject({ reason: 'network' });
    expect(await two).toMatchObject({ reason: 'network' });
    expect(onToken).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(2 * MINUTE);
    expect(onToken).toHaveBeenCalledTimes(1);
    expect(await keeper.token()).toMatchObject({ token: '007secret1' });
  });

  it('says no secret in any error', async () => {
    const jwt = 'header.jwtsecret.signature';
    const failures = [
      problem(403),
      problem(503),
      new Response('007secretbody', { status: 500 }),
      new Response(JSON.stringify({ token: '007secretbody' }), { status: 200 }),
      offline,
    ];
    const errors: TokenError[] = [];
    for (const reply of failures) {
      service.says(reply);
      const keeper = keep({
        service: { url: 'https://t.example.com', fetch: service.fetch, jwt: () => jwt },
        onRetry: ({ error }) => {
          errors.push(error);
          keeper.stop();
        },
        onError: (error) => errors.push(error),
      });
      await failure(keeper.token());
    }
    expect(errors).toHaveLength(failures.length);
    for (const error of errors) {
      const said = `${error.message} ${error.stack} ${JSON.stringify(error)} ${JSON.stringify(error.problem)} ${String(error.cause)}`;
      expect(said).not.toMatch(/secret/);
    }
  });
});

describe('stopping', () => {
  it('ends a request, and tells those who wait', async () => {
    service.says(silence);
    const keeper = keep();
    const waiting = [failure(keeper.token()), failure(keeper.renew())];
    await vi.advanceTimersByTimeAsync(SECOND);
    keeper.stop();
    for (const error of await Promise.all(waiting)) expect(error.reason).toBe('stopped');
    expect(service.seen[0]?.signal.aborted).toBe(true);
    expect(keeper.stopped).toBe(true);
  });

  it('ends a wait between attempts', async () => {
    service.says(problem(503, { 'retry-after': '60' }));
    const keeper = keep();
    const waiting = failure(keeper.token());
    await vi.advanceTimersByTimeAsync(SECOND);
    keeper.stop();
    expect(await waiting).toMatchObject({ reason: 'stopped' });
    await vi.advanceTimersByTimeAsync(HOUR);
    expect(service.seen).toHaveLength(1);
  });

  it('can be done from a callback', async () => {
    service.says(offline);
    const keeper = keep({ onRetry: () => keeper.stop() });
    expect(await failure(keeper.token())).toMatchObject({ reason: 'stopped' });
    const other: TokenKeeper<RtmAnswer> = keep({ onToken: () => other.stop() });
    await other.token();
    expect(other.current).toBeUndefined();
  });

  it('forgets the token, and is for good', async () => {
    const keeper = keep();
    await keeper.token();
    keeper.stop();
    keeper.stop();
    expect(keeper.current).toBeUndefined();
    expect(await failure(keeper.token())).toMatchObject({ reason: 'stopped', temporary: false });
    expect(await failure(keeper.renew())).toMatchObject({ reason: 'stopped' });
    await vi.advanceTimersByTimeAsync(24 * HOUR);
    expect(service.seen).toHaveLength(1);
  });
});
