import { describe, expect, it } from 'vitest';
import { type Answer, chatApp, chatUser, fetchRtm, rtc, rtm, TokenKeeper, type TokenRequest, zego, zim } from '../src/index.js';
import { FakeService } from './service.js';

/** A request as it is sent: method, path and query, then the body. */
async function sent(request: TokenRequest<Answer>): Promise<string> {
  const service = new FakeService().says(new Response('{}', { status: 404 }));
  const keeper = new TokenKeeper({ service: { url: 'https://t.example.com/stage/', fetch: service.fetch }, request });
  await keeper.token().catch(() => {});
  keeper.stop();
  const { method, url, body, headers } = service.seen[0]!;
  expect(headers.get('accept')).toBe('application/json');
  expect(headers.get('content-type')).toBe(body === undefined ? null : 'application/json');
  return `${method} ${url.replace('https://t.example.com/stage', '')}${body === undefined ? '' : ` ${body}`}`;
}

describe('requests', () => {
  it.each<[TokenRequest<Answer>, string]>([
    [rtc('demo'), 'GET /rtc/demo/token'],
    [rtc('a b/c?#%+', { account: 'é&=', role: 'publisher', with: ['rtm', 'chat'], expiresIn: 60 }), 'GET /rtc/a%20b%2Fc%3F%23%25%2B/token?account=%C3%A9%26%3D&role=publisher&with=rtm%2Cchat&expires_in=60'],
    [
      rtc('demo', { uid: 7, role: 'publisher', with: ['rtm'], privileges: { join_channel: 60, publish_audio: 30 }, expiresIn: 90 }),
      'POST /rtc/demo/token {"uid":7,"role":"publisher","with":["rtm"],"privileges":{"join_channel":60,"publish_audio":30},"expires_in":90}',
    ],
    [rtc('demo', { uid: 7, with: { rtm: 'me' } }), 'POST /rtc/demo/token {"uid":7,"with":{"rtm":"me"}}'],
    [rtm('me'), 'GET /rtm/me/token'],
    [rtm('alice', { version: '006', expiresIn: 60 }), 'GET /rtm/alice/token?version=006&expires_in=60'],
    [fetchRtm('1234'), 'POST /fetch_rtm_token {"uid":"1234","expires_in":3600}'],
    [fetchRtm('1234', { version: '007', expiresIn: 60 }), 'POST /fetch_rtm_token {"uid":"1234","version":"007","expires_in":60}'],
    [chatUser('alice'), 'GET /chat/user/alice/token'],
    [chatApp({ expiresIn: 60 }), 'GET /chat/app/token?expires_in=60'],
    [zego('alice', { expiresIn: 60 }), 'GET /zego/alice/token?expires_in=60'],
    [zego('alice', { userName: 'Zoë B' }), 'GET /zego/alice/token?user_name=Zo%C3%AB+B'],
    [
      zego('alice', { roomId: 'demo', publish: true, streamIds: ['s1'] }),
      'POST /zego/alice/token {"room_id":"demo","privileges":{"login":true,"publish":true},"stream_ids":["s1"]}',
    ],
    [zim('alice'), 'GET /zim/alice/token'],
  ])('are what the service knows: %#', async (request, line) => {
    expect(await sent(request)).toBe(line);
  });

  it.each(['', '.', '..'])('have no name that a path cannot hold: %j', (name) => {
    for (const request of [rtc, rtm, chatUser, zego, zim]) expect(() => request(name)).toThrow(TypeError);
  });
});

describe('answers with permissions', () => {
  const now = Math.floor(Date.now() / 1000);
  const both = { read: ['lobby'], write: ['lobby'] };
  const answer = {
    token: '007eJx', kind: 'agora-rtm2', app_id: '0'.repeat(32), user_id: 'alice',
    permissions: { message_channels: both, stream_channels: both },
    issued_at: now, expires_at: now + 3600, expires_in: 3600, renew_at: now + 3000,
  };

  it('are taken for RTM', async () => {
    const service = { url: 'https://t.example.com', fetch: new FakeService().says(new Response(JSON.stringify(answer))).fetch };
    const keeper = new TokenKeeper({ service, request: rtm('me') });
    expect(await keeper.token()).toEqual(answer);
    keeper.stop();
  });

  it('are taken for no other token', () => {
    expect(rtm('me').read('', answer)).toEqual(answer);
    for (const request of [rtc('lobby'), zim('me'), chatUser('me')]) expect(request.read('', answer)).toBeUndefined();
  });
});

describe("answers of the vendors' tutorials", () => {
  const keep = <A extends Answer>(request: TokenRequest<A>, ...replies: Response[]) =>
    new TokenKeeper({ service: { url: 'https://t.example.com', fetch: new FakeService().says(...replies).fetch }, request });

  it('are taken from a server that knows but bare text', async () => {
    const keeper = keep(chatUser('alice', { expiresIn: 600 }), new Response('007eJxT+/=\n'));
    expect(await keeper.token()).toEqual({ token: '007eJxT+/=' });
    expect(keeper.left!.expiry).toBeGreaterThan(599_000);
    expect(keeper.left!.renewal).toBeLessThanOrEqual(300_000);
    expect(keeper.left!.renewal).toBeGreaterThan(239_000);
    keeper.stop();
  });

  it('are `token` and `code`, for the lifetime that was asked for', async () => {
    const keeper = keep(fetchRtm('1234'), Response.json({ token: '006abc', code: '200' }));
    expect(await keeper.token()).toEqual({ token: '006abc', code: '200' });
    expect(keeper.left!.renewal).toBeLessThanOrEqual(1_800_000);
    expect(keeper.left!.renewal).toBeGreaterThan(1_430_000);
    keeper.stop();
  });

  it('are errors by their status, with their text', async () => {
    const told = { token: 'Bad request. Please check your params.', code: '400' };
    const keeper = keep(fetchRtm('1234'), Response.json(told, { status: 400 }));
    await expect(keeper.token()).rejects.toMatchObject({ reason: 'refused', status: 400, problem: { title: told.token } });
    keeper.stop();
  });
});
