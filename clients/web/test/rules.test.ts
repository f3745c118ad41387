/** The rules that all clients keep: `clients/rules/cases.json`. The server beside it gives the answers. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Retry, rtm, type RtmAnswer, TokenError, TokenKeeper } from '../src/index.js';

interface Rules {
  readonly answers: readonly {
    readonly case: string;
    readonly what: string;
    /** In seconds. */
    readonly timeout?: number;
    /** In seconds. */
    readonly waits_in_all?: number;
    readonly failures: readonly { readonly reason: string; readonly wait?: readonly [number, number] }[];
    readonly ends: string;
    readonly asked: number;
  }[];
  readonly renewals: readonly { readonly case: string; readonly what: string; readonly renewed_at: number; readonly good_until: number }[];
  readonly addresses: readonly { readonly url: string; readonly taken: boolean }[];
  readonly jwts: readonly { readonly jwt: string; readonly sent: boolean }[];
}

interface Asked {
  readonly host: string;
  readonly path: string;
  readonly authorization: string | null;
}

const folder = new URL('../../rules/', import.meta.url);
const rules = JSON.parse(readFileSync(new URL('cases.json', folder), 'utf8')) as Rules;
/** The real one, because the tests move the clock. */
const { setTimeout: realTimeout } = globalThis;

let python: ChildProcess;
let server: string;
let keepers: TokenKeeper<RtmAnswer>[];

beforeAll(async () => {
  python = spawn('python3', [new URL('server.py', folder).pathname], { stdio: ['pipe', 'pipe', 'inherit'] });
  for await (const port of createInterface(python.stdout!)) {
    server = `http://127.0.0.1:${port}`;
    break;
  }
});
afterAll(() => python.stdin!.end());

beforeEach(() => {
  keepers = [];
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] });
});
afterEach(() => {
  for (const keeper of keepers) keeper.stop();
  vi.useRealTimers();
});

/** One run of a case. */
class Run {
  readonly url: string;
  readonly retries: Retry[] = [];
  readonly errors: TokenError[] = [];

  constructor(name: string) {
    this.url = `${server}/${randomUUID()}/${name}`;
  }

  keep(jwt?: string, timeout = 10): TokenKeeper<RtmAnswer> {
    const keeper = new TokenKeeper({
      service: { url: this.url, ...(jwt === undefined ? {} : { jwt: () => jwt }) },
      request: rtm('me'),
      timeout: timeout * 1000,
      patience: 3_600_000,
      onRetry: (retry) => this.retries.push(retry),
      onError: (error) => this.errors.push(error),
    });
    keepers.push(keeper);
    return keeper;
  }

  async asked(): Promise<Asked[]> {
    return (await (await fetch(`${this.url}/asked`)).json()) as Asked[];
  }
}

/** Waits until it is so. What a test waits for comes within milliseconds, so only a failure takes long. */
async function eventually(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let left = 5_000; !(await isSo()); left -= 1) {
    if (left === 0) throw new Error(`never: ${what}`);
    await new Promise((resolve) => realTimeout(resolve, 2));
  }
}

const caught = (promise: Promise<unknown>) => promise.then(() => undefined, (error: unknown) => error as TokenError);

describe('each answer', () => {
  it.each(rules.answers)('$case: $what', async (rule) => {
    const run = new Run(rule.case);
    const ended = caught(run.keep('head.body.sig', rule.timeout).token());
    if (rule.timeout !== undefined) {
      await eventually('a request', async () => (await run.asked()).length === 1);
      await vi.advanceTimersByTimeAsync(rule.timeout * 1000);
    }
    const retried = rule.failures.filter((failure) => failure.wait !== undefined);
    for (const [number, { reason, wait }] of retried.entries()) {
      await eventually(`failure ${number + 1}`, () => run.retries.length > number);
      const { error, delay } = run.retries[number]!;
      expect(error.reason, error.message).toBe(reason);
      expect(error.temporary).toBe(true);
      expect(delay).toBeGreaterThanOrEqual(wait![0] * 1000);
      expect(delay).toBeLessThanOrEqual(wait![1] * 1000);
      await vi.advanceTimersByTimeAsync(Math.ceil(delay));
    }
    const error = await ended;
    expect(error?.reason ?? 'token', error?.message).toBe(rule.ends);
    expect(`${error} ${JSON.stringify(error)}`).not.toContain('head.body');
    expect(run.retries.length).toBe(retried.length);
    const waited = run.retries.reduce((sum, { delay }) => sum + delay, 0);
    expect(waited).toBeGreaterThanOrEqual((rule.waits_in_all ?? 0) * 1000);
    expect(run.errors.map(({ reason }) => reason)).toEqual(rule.failures.filter(({ wait }) => wait === undefined).map(({ reason }) => reason));
    const asked = await run.asked();
    expect(asked.map(({ path }) => path)).toEqual(Array(rule.asked).fill('/rtm/me/token'));
    expect(new Set(asked.map(({ host }) => host))).toEqual(new Set(['127.0.0.1']));
    expect(new Set(asked.map(({ authorization }) => authorization))).toEqual(new Set(['Bearer head.body.sig']));
  });
});

describe('each renewal', () => {
  it.each(rules.renewals)('$case: $what', async (rule) => {
    const run = new Run(rule.case);
    const keeper = run.keep();
    await keeper.token();
    const began = Date.now();
    const passTo = (seconds: number) => vi.advanceTimersByTimeAsync(seconds * 1000 - (Date.now() - began));
    // The renewal is refused. So the token stays good until its own end.
    const steps: readonly [number, () => Promise<void>][] = [
      [rule.renewed_at, async () => {
        expect((await run.asked()).length).toBe(1);
        await passTo(rule.renewed_at);
        await eventually('a renewal', async () => (await run.asked()).length === 2 && run.errors.length === 1);
      }],
      [rule.good_until, async () => {
        expect(keeper.current).toBeDefined();
        await passTo(rule.good_until);
        expect(keeper.current).toBeUndefined();
      }],
    ];
    for (const [moment, step] of [...steps].sort(([a], [b]) => a - b)) {
      await passTo(moment - 0.5);
      await step();
    }
  });
});

describe('a JWT', () => {
  it.each(rules.addresses)('at $url: $taken', ({ url, taken }) => {
    const keep = () => keepers.push(new TokenKeeper({ service: { url, jwt: () => 'jwt' }, request: rtm('me') }));
    if (taken) keep();
    else expect(keep).toThrow(TypeError);
  });

  it.each(rules.jwts)('$jwt is sent: $sent', async ({ jwt, sent }) => {
    const run = new Run('token');
    const keeper = run.keep(jwt);
    const ended = caught(keeper.token());
    await eventually('an end', async () => run.retries.length > 0 || keeper.current !== undefined);
    expect(run.retries.map(({ error }) => error.reason)).toEqual(sent ? [] : ['no-jwt']);
    expect((await run.asked()).map(({ authorization }) => authorization)).toEqual(sent ? [`Bearer ${jwt}`] : []);
    keeper.stop();
    await ended;
  });
});
