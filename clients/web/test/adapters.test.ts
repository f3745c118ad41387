import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { joinAgoraRtc } from '../src/adapters/agora-rtc.js';
import { openAgoraChat } from '../src/adapters/agora-chat.js';
import { logInToAgoraRtm } from '../src/adapters/agora-rtm.js';
import { logInToAgoraRtm1 } from '../src/adapters/agora-rtm-1.js';
import type { Session, SessionOptions } from '../src/adapters/session.js';
import { logInToZegoRoom } from '../src/adapters/zego-express.js';
import { logInToZim } from '../src/adapters/zego-zim.js';
import { chatUser, fetchRtm, rtc, rtm, TokenError, TokenKeeper, zego, zim } from '../src/index.js';
import { FakeService, offline, problem, silence } from './service.js';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;

/** A fake SDK. It records its calls, and a test can make them fail. */
class FakeSdk {
  readonly done: string[] = [];
  readonly listeners = new Map<string, (...args: any[]) => void>();
  readonly failures = new Map<string, unknown[]>();
  connectionState = 'DISCONNECTED';

  #call(name: string, ...args: unknown[]): Promise<any> {
    this.done.push([name, ...args.map((arg) => (typeof arg === 'object' ? JSON.stringify(arg) : String(arg)))].join(' '));
    const failure = this.failures.get(name)?.shift();
    return failure === undefined ? Promise.resolve(true) : failure instanceof Promise ? failure : Promise.reject(failure);
  }
  join = (...args: unknown[]) => this.#call('join', ...args);
  leave = () => this.#call('leave');
  login = (...args: unknown[]) => this.#call('login', ...args);
  logout = () => this.#call('logout');
  open = (...args: unknown[]) => this.#call('open', ...args);
  close = () => void this.#call('close');
  loginRoom = (...args: unknown[]) => this.#call('loginRoom', ...args);
  logoutRoom = (...args: unknown[]) => void this.#call('logoutRoom', ...args);
  on = (event: string, listener: (...args: any[]) => void): any => {
    expect(this.listeners.has(event)).toBe(false);
    this.listeners.set(event, listener);
  };
  off = (event: string, listener?: unknown): any => {
    if (listener !== undefined) expect(this.listeners.get(event)).toBe(listener);
    this.listeners.delete(event);
  };
  addEventListener = this.on;
  removeEventListener = this.off;
  addEventHandler = (_: string, handler: Record<string, () => void>) => {
    for (const [event, listener] of Object.entries(handler)) this.on(event, listener);
  };
  removeEventHandler = () => this.listeners.clear();
  renewToken = (...args: unknown[]) => this.#call('renewToken', ...args);
  says(event: string, ...args: unknown[]) {
    const listener = this.listeners.get(event);
    expect(listener, `nobody listens to ${event}`).toBeDefined();
    listener?.(...args);
  }
}

let service: FakeService;
let sdk: FakeSdk;
let unhandled: unknown[];
const note = (reason: unknown) => unhandled.push(reason);
const stops: (() => void)[] = [];

beforeEach(() => {
  vi.useFakeTimers({ now: new Date('2026-03-01T12:00:00Z') });
  vi.spyOn(Math, 'random').mockReturnValue(0.999);
  service = new FakeService();
  sdk = new FakeSdk();
  unhandled = [];
  process.on('unhandledRejection', note);
});

afterEach(async () => {
  for (const stop of stops.splice(0)) stop();
  await vi.advanceTimersByTimeAsync(0);
  expect(vi.getTimerCount(), 'timers that outlive stop()').toBe(0);
  vi.useRealTimers();
  await new Promise((turn) => setTimeout(turn, 0));
  process.off('unhandledRejection', note);
  expect(unhandled, 'unhandled rejections').toEqual([]);
});

interface Case {
  readonly name: string;
  readonly answer: Record<string, unknown>;
  readonly request: any;
  readonly enter: (keeper: TokenKeeper<any>, options: SessionOptions) => Promise<Session>;
  /** The calls of a log-in with the n-th token. */
  readonly entered: (n: number) => string[];
  readonly renewed: (n: number) => string;
  readonly left: string;
  readonly warn: () => void;
  readonly expire: () => void;
  /** Sends the SDK's other events, which must cause no call. */
  readonly otherwise: () => void;
}

const user = { user_id: 'alice' };
const cases: Case[] = [
  {
    name: 'Agora RTC',
    answer: { kind: 'agora-rtc', channel: 'demo', uid: 7, role: 'subscriber', privileges: {} },
    request: rtc('demo', { uid: 7 }),
    enter: (keeper, options) => joinAgoraRtc(sdk, keeper, options),
    entered: (n) => [`join ${'0'.repeat(32)} demo 007secret${n} 7`],
    renewed: (n) => `renewToken 007secret${n}`,
    left: 'leave',
    warn: () => sdk.says('token-privilege-will-expire'),
    expire: () => sdk.says('token-privilege-did-expire'),
    otherwise: () => {},
  },
  {
    name: 'Agora RTM 2.x',
    answer: { kind: 'agora-rtm', ...user },
    request: rtm('alice'),
    enter: (keeper, options) => logInToAgoraRtm(sdk, keeper, options),
    entered: (n) => [`login {"token":"007secret${n}"}`],
    renewed: (n) => `renewToken 007secret${n}`,
    left: 'logout',
    warn: () => sdk.says('tokenPrivilegeWillExpire', ''),
    expire: () => sdk.says('linkState', { currentState: 'FAILED', reasonCode: 'TOKEN_EXPIRED' }),
    otherwise: () => {
      sdk.says('tokenPrivilegeWillExpire', 'a-stream-channel');
      sdk.says('linkState', { currentState: 'CONNECTED', reasonCode: 'LOGIN_SUCCESS' });
      // The user logged in elsewhere. What happens then is the app's decision.
      sdk.says('linkState', { currentState: 'FAILED', reasonCode: 'SAME_UID_LOGIN' });
    },
  },
  {
    name: 'Agora RTM 1.x',
    answer: { code: '200' },
    request: fetchRtm('alice'),
    enter: (keeper, options) => logInToAgoraRtm1(sdk, 'alice', keeper, options),
    entered: (n) => [`login {"uid":"alice","token":"007secret${n}"}`],
    renewed: (n) => `renewToken 007secret${n}`,
    left: 'logout',
    warn: () => sdk.says('TokenPrivilegeWillExpire'),
    expire: () => sdk.says('ConnectionStateChanged', 'ABORTED', 'TOKEN_EXPIRED'),
    otherwise: () => {
      sdk.says('ConnectionStateChanged', 'CONNECTED', 'LOGIN_SUCCESS');
      sdk.says('ConnectionStateChanged', 'ABORTED', 'REMOTE_LOGIN');
    },
  },
  {
    name: 'Agora Chat',
    answer: { kind: 'agora-chat-user', ...user },
    request: chatUser('alice'),
    enter: (keeper, options) => openAgoraChat(sdk, 'alice', keeper, options),
    entered: (n) => [`open {"user":"alice","accessToken":"007secret${n}"}`],
    renewed: (n) => `renewToken 007secret${n}`,
    left: 'close',
    warn: () => sdk.says('onTokenWillExpire'),
    expire: () => sdk.says('onTokenExpired'),
    otherwise: () => {},
  },
  {
    name: 'ZEGO Express',
    answer: { kind: 'zego-basic', app_id: 1, ...user },
    request: zego('alice'),
    enter: (keeper, options) => logInToZegoRoom(sdk as any, 'demo', keeper, options),
    entered: (n) => [`loginRoom demo 007secret${n} {"userID":"alice"}`],
    renewed: (n) => `renewToken 007secret${n} demo`,
    left: 'logoutRoom demo',
    warn: () => sdk.says('tokenWillExpire', 'demo'),
    expire: () => {
      sdk.says('roomStateChanged', 'demo', 'KICKOUT', 1102018, '');
      sdk.says('roomStateChanged', 'demo', 'RECONNECT_FAILED', 1002078, '');
    },
    otherwise: () => {
      sdk.says('tokenWillExpire', 'another-room');
      sdk.says('roomStateChanged', 'another-room', 'KICKOUT', 1002078, '');
      sdk.says('roomStateChanged', 'demo', 'LOGINED', 0, '');
      sdk.says('roomStateChanged', 'demo', 'KICKOUT', 1002050, '');
    },
  },
  {
    name: 'ZEGO ZIM',
    answer: { kind: 'zego-zim', app_id: 1, ...user },
    request: zim('alice'),
    enter: (keeper, options) => logInToZim(sdk, keeper, options),
    entered: (n) => [`login {"userID":"alice","userName":""} 007secret${n}`],
    renewed: (n) => `renewToken 007secret${n}`,
    left: 'logout',
    warn: () => sdk.says('tokenWillExpire', sdk, { second: 30 }),
    expire: () => sdk.says('connectionStateChanged', sdk, { state: 0, event: 5 }),
    otherwise: () => {
      sdk.says('connectionStateChanged', sdk, { state: 2, event: 0 });
      sdk.says('connectionStateChanged', sdk, { state: 0, event: 4 });
    },
  },
];

describe.each(cases)('$name', ({ name, answer, request, enter, entered, renewed, left, warn, expire, otherwise }) => {
  const onRenewed = vi.fn();
  const onLoggedInAgain = vi.fn();
  const onError = vi.fn();
  let keeper: TokenKeeper<any>;

  beforeEach(() => {
    for (const told of [onRenewed, onLoggedInAgain, onError]) told.mockReset();
    const mint = service.mint.bind(service);
    service.mint = (more = {}) => mint({ ...answer, ...more });
    keeper = new TokenKeeper({ service: { url: 'https://t.example.com', fetch: service.fetch }, request });
    stops.push(() => keeper.stop());
  });
  const session = async () => {
    const session = await enter(keeper, { onRenewed, onLoggedInAgain, onError });
    sdk.connectionState = 'CONNECTED';
    return session;
  };
  const settle = () => vi.advanceTimersByTimeAsync(0);

  it('logs in, hands on each new token, and logs out', async () => {
    const { close } = await session();
    expect(sdk.done).toEqual(entered(1));
    await vi.advanceTimersByTimeAsync(0.9 * HOUR);
    const renewals = sdk.done.slice(entered(1).length);
    expect(renewals[0]).toBe(renewed(2));
    expect(onRenewed).toHaveBeenCalledTimes(renewals.length);
    await close();
    await close();
    expect(sdk.done.at(-1)).toBe(left);
    expect(sdk.done.filter((done) => done === left)).toHaveLength(1);
    expect(sdk.listeners.size).toBe(0);
    const done = sdk.done.length;
    await vi.advanceTimersByTimeAsync(2 * HOUR);
    expect(sdk.done).toHaveLength(done);
    // Others may share the keeper.
    expect(keeper.stopped).toBe(false);
    expect(onError).not.toHaveBeenCalled();
  });

  it('renews when the SDK warns', async () => {
    await session();
    await vi.advanceTimersByTimeAsync(MINUTE);
    warn();
    await settle();
    expect(sdk.done).toEqual([...entered(1), renewed(2)]);
    // An SDK may warn more than once, or soon after a new token.
    warn();
    warn();
    await settle();
    expect(service.seen).toHaveLength(2);
    expect(sdk.done).toHaveLength(entered(1).length + 1);
  });

  it('logs in again when the SDK is out', async () => {
    await session();
    await vi.advanceTimersByTimeAsync(MINUTE);
    sdk.done.length = 0;
    expire();
    expire();
    await settle();
    const entries = sdk.done.filter((done) => !['leave', 'logout'].includes(done));
    expect(entries).toEqual(entered(2));
    expect(onLoggedInAgain).toHaveBeenCalledTimes(1);
    expect(onRenewed).not.toHaveBeenCalled();
  });

  it('does nothing about what else the SDK says', async () => {
    await session();
    await vi.advanceTimersByTimeAsync(MINUTE);
    otherwise();
    await vi.advanceTimersByTimeAsync(MINUTE);
    expect(sdk.done).toEqual(entered(1));
    expect(service.seen).toHaveLength(1);
  });

  it('logs in again as soon as it can', async () => {
    await session();
    await vi.advanceTimersByTimeAsync(MINUTE);
    const entry = entered(1)[0]!.split(' ')[0]!;
    service.says(offline, problem(503));
    sdk.failures.set(entry, [new Error('no network'), new Error('no network')]);
    expire();
    await vi.advanceTimersByTimeAsync(MINUTE);
    const entries = sdk.done.filter((done) => done.startsWith(`${entry} `));
    expect(entries).toEqual([...entered(1), ...entered(2), ...entered(2), ...entered(2)]);
    expect(onLoggedInAgain).toHaveBeenCalledTimes(1);
    expect(onError).toHaveBeenCalledTimes(2);
  });

  it('stays out when the service refuses, until there is a token', async () => {
    await session();
    await vi.advanceTimersByTimeAsync(MINUTE);
    sdk.done.length = 0;
    service.says(problem(403));
    expire();
    await vi.advanceTimersByTimeAsync(HOUR);
    expect(onError.mock.calls.map(([error]) => (error as TokenError).reason)).toEqual(['refused']);
    expect(sdk.done.filter((done) => !['leave', 'logout'].includes(done))).toEqual([]);
    await keeper.renew();
    await settle();
    expect(sdk.done.filter((done) => !['leave', 'logout'].includes(done))).toEqual(entered(2));
  });

  it('says what the SDK says of a token, and tries again when the SDK warns', async () => {
    await session();
    const failure = new Error('not now');
    // ZEGO Express reports the failure at once, by returning false.
    if (name === 'ZEGO Express') sdk.renewToken = vi.fn(() => false).mockReturnValueOnce(false).mockReturnValue(true) as never;
    else sdk.failures.set('renewToken', [failure]);
    await vi.advanceTimersByTimeAsync(MINUTE);
    warn();
    await settle();
    expect(onError).toHaveBeenCalledTimes(1);
    expect(onRenewed).not.toHaveBeenCalled();
    warn();
    await settle();
    expect(onRenewed).toHaveBeenCalledTimes(1);
  });

  it('fails when the log-in fails, and listens no more', async () => {
    const failure = new Error('no');
    sdk.failures.set(entered(1)[0]!.split(' ')[0]!, [failure]);
    await expect(session()).rejects.toBe(failure);
    expect(sdk.listeners.size).toBe(0);
    service.says(problem(403));
    await vi.advanceTimersByTimeAsync(MINUTE);
    const refused = keeper.renew().catch(() => {});
    await refused;
    keeper.stop();
    await expect(session()).rejects.toMatchObject({ reason: 'stopped' });
    expect(sdk.listeners.size).toBe(0);
    expect(onError).not.toHaveBeenCalled();
  });

  it('can be closed while it waits to log in again', async () => {
    const { close } = await session();
    await vi.advanceTimersByTimeAsync(MINUTE);
    service.says(silence);
    expire();
    await settle();
    await close();
    const done = sdk.done.length;
    keeper.stop();
    await vi.advanceTimersByTimeAsync(HOUR);
    expect(sdk.done).toHaveLength(done);
    expect(onError).not.toHaveBeenCalled();
    expect(onLoggedInAgain).not.toHaveBeenCalled();
  });

  it('can be closed between two attempts to log in again', async () => {
    const unsubscribe = vi.fn();
    const subscribe = keeper.subscribe.bind(keeper);
    vi.spyOn(keeper, 'subscribe').mockImplementation((listener) => {
      const leave = subscribe(listener);
      return () => {
        leave();
        unsubscribe();
      };
    });
    const { close } = await session();
    await vi.advanceTimersByTimeAsync(MINUTE);
    sdk.failures.set(entered(1)[0]!.split(' ')[0]!, [new Error('no network')]);
    expire();
    await settle();
    expect(onError).toHaveBeenCalledTimes(1);
    await close();
    expect(unsubscribe).toHaveBeenCalledTimes(1);
    keeper.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('logs out when it was closed during a log-in', async () => {
    const { close } = await session();
    await vi.advanceTimersByTimeAsync(MINUTE);
    let let_in = (_: boolean) => {};
    sdk.failures.set(entered(1)[0]!.split(' ')[0]!, [new Promise<boolean>((resolve) => (let_in = resolve))]);
    expire();
    await settle();
    await close();
    sdk.done.length = 0;
    let_in(true);
    await settle();
    expect(sdk.done).toEqual([left]);
    expect(onLoggedInAgain).not.toHaveBeenCalled();
  });

  it('takes a token that came during the log-in', async () => {
    let let_in = (_: boolean) => {};
    sdk.failures.set(entered(1)[0]!.split(' ')[0]!, [new Promise<boolean>((resolve) => (let_in = resolve))]);
    const entering = session();
    await vi.advanceTimersByTimeAsync(MINUTE);
    await keeper.renew();
    expect(sdk.done).toEqual(entered(1));
    let_in(true);
    await entering;
    await settle();
    expect(sdk.done).toEqual([...entered(1), renewed(2)]);
  });
});

const MINUTE = 60 * SECOND;

it('Agora RTC is told an account by its name, and leaves before it joins again', async () => {
  const mint = service.mint.bind(service);
  service.mint = () => mint({ kind: 'agora-rtc', channel: 'demo', account: 'alice', role: 'subscriber', privileges: {} });
  const keeper = new TokenKeeper({
    service: { url: 'https://t.example.com', fetch: service.fetch },
    request: rtc('demo', { account: 'alice' }),
  });
  stops.push(() => keeper.stop());
  await joinAgoraRtc(sdk, keeper);
  sdk.connectionState = 'RECONNECTING';
  await vi.advanceTimersByTimeAsync(MINUTE);
  sdk.says('token-privilege-did-expire');
  await vi.advanceTimersByTimeAsync(0);
  const id = '0'.repeat(32);
  expect(sdk.done).toEqual([`join ${id} demo 007secret1 alice`, 'leave', `join ${id} demo 007secret2 alice`]);
});

it('RTM 1.x renews when it says that its token is out', async () => {
  const mint = service.mint.bind(service);
  service.mint = () => mint({ code: '200' });
  const keeper = new TokenKeeper({ service: { url: 'https://t.example.com', fetch: service.fetch }, request: fetchRtm('alice') });
  stops.push(() => keeper.stop());
  await logInToAgoraRtm1(sdk, 'alice', keeper);
  await vi.advanceTimersByTimeAsync(MINUTE);
  sdk.says('TokenExpired');
  await vi.advanceTimersByTimeAsync(0);
  expect(sdk.done.at(-1)).toBe('renewToken 007secret2');
});

it('RTM 1.x logs out before it logs in again, also if it cannot', async () => {
  const mint = service.mint.bind(service);
  service.mint = () => mint({ code: '200' });
  const keeper = new TokenKeeper({ service: { url: 'https://t.example.com', fetch: service.fetch }, request: fetchRtm('alice') });
  stops.push(() => keeper.stop());
  await logInToAgoraRtm1(sdk, 'alice', keeper);
  await vi.advanceTimersByTimeAsync(MINUTE);
  sdk.done.length = 0;
  sdk.failures.set('logout', [new Error('not logged in')]);
  sdk.says('ConnectionStateChanged', 'ABORTED', 'TOKEN_EXPIRED');
  await vi.advanceTimersByTimeAsync(0);
  expect(sdk.done).toEqual(['logout', 'login {"uid":"alice","token":"007secret2"}']);
});

it('ZEGO Express refuses a log-in by false', async () => {
  const mint = service.mint.bind(service);
  service.mint = () => mint({ kind: 'zego-basic', app_id: 1, user_id: 'alice' });
  sdk.loginRoom = () => Promise.resolve(false);
  const keeper = new TokenKeeper({ service: { url: 'https://t.example.com', fetch: service.fetch }, request: zego('alice') });
  stops.push(() => keeper.stop());
  await expect(logInToZegoRoom(sdk as any, 'demo', keeper)).rejects.toThrow('refused the log-in');
  expect(sdk.listeners.size).toBe(0);
});

it('ZEGO Express logs in again when it cannot reconnect for an expired token', async () => {
  const mint = service.mint.bind(service);
  service.mint = () => mint({ kind: 'zego-basic', app_id: 1, user_id: 'alice' });
  const keeper = new TokenKeeper({ service: { url: 'https://t.example.com', fetch: service.fetch }, request: zego('alice') });
  stops.push(() => keeper.stop());
  await logInToZegoRoom(sdk as any, 'demo', keeper, { userName: 'Alice' });
  await vi.advanceTimersByTimeAsync(MINUTE);
  sdk.says('roomStateChanged', 'demo', 'RECONNECT_FAILED', 1002078, '');
  await vi.advanceTimersByTimeAsync(0);
  expect(sdk.done.at(-1)).toBe('loginRoom demo 007secret2 {"userID":"alice","userName":"Alice"}');
});

it('ZIM tells the app of its connection, for it has one listener only', async () => {
  const mint = service.mint.bind(service);
  service.mint = () => mint({ kind: 'zego-zim', app_id: 1, user_id: 'alice' });
  const keeper = new TokenKeeper({ service: { url: 'https://t.example.com', fetch: service.fetch }, request: zim('alice') });
  stops.push(() => keeper.stop());
  const onConnection = vi.fn();
  await logInToZim(sdk, keeper, { onConnection, userName: 'Alice' });
  expect(sdk.done).toEqual(['login {"userID":"alice","userName":"Alice"} 007secret1']);
  sdk.says('connectionStateChanged', sdk, { state: 2, event: 0 });
  expect(onConnection).toHaveBeenCalledExactlyOnceWith({ state: 2, event: 0 });
});

describe('a signal', () => {
  const enter = (signal: AbortSignal) => {
    const keeper = new TokenKeeper({ service: { url: 'https://t.example.com', fetch: service.fetch }, request: rtm('alice') });
    stops.push(() => keeper.stop());
    return logInToAgoraRtm(sdk, keeper, { signal });
  };

  it('ends a log-in that takes too long', async () => {
    let let_in = (_: boolean) => {};
    sdk.failures.set('login', [new Promise<boolean>((resolve) => (let_in = resolve))]);
    const abort = new AbortController();
    const entering = enter(abort.signal);
    const reason = new Error('enough');
    setTimeout(() => abort.abort(reason), SECOND);
    const ended = expect(entering).rejects.toBe(reason);
    await vi.advanceTimersByTimeAsync(SECOND);
    await ended;
    expect(sdk.done.slice(1)).toEqual(['logout']);
    expect(sdk.listeners.size).toBe(0);
    // The SDK logs in after all. It must log out again.
    let_in(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(sdk.done.slice(1)).toEqual(['logout', 'logout']);
  });

  it('ends a session, once', async () => {
    const abort = new AbortController();
    const { close } = await enter(abort.signal);
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(1);
    sdk.failures.set('logout', [new Error('no network')]);
    abort.abort();
    await vi.advanceTimersByTimeAsync(0);
    await close();
    expect(sdk.done.slice(1)).toEqual(['logout']);
    expect(sdk.listeners.size).toBe(0);
  });

  it('is listened to no longer than the session lasts', async () => {
    const abort = new AbortController();
    const { close } = await enter(abort.signal);
    await close();
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0);
    abort.abort();
    await vi.advanceTimersByTimeAsync(0);
    expect(sdk.done.slice(1)).toEqual(['logout']);
  });

  it('that has come already lets nobody in', async () => {
    await expect(enter(AbortSignal.abort())).rejects.toThrow();
    expect(sdk.done).toEqual([]);
    expect(service.seen).toEqual([]);
  });
});
