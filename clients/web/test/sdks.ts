// This file is compiled but never run. It proves that the vendors' own types fit the adapters.
import type { IAgoraRTCClient } from 'agora-rtc-sdk-ng';
import type { AgoraChat } from 'agora-chat';
import type { RTMClient } from 'agora-rtm';
import type { RtmClient } from 'agora-rtm-1';
import type { ZegoExpressEngine as Express } from 'zego-express-engine-webrtc';
import type { ZIM } from 'zego-zim-web';
import { joinAgoraRtc } from '../src/adapters/agora-rtc.js';
import { openAgoraChat } from '../src/adapters/agora-chat.js';
import { logInToAgoraRtm } from '../src/adapters/agora-rtm.js';
import { logInToAgoraRtm1 } from '../src/adapters/agora-rtm-1.js';
import { logInToZegoRoom } from '../src/adapters/zego-express.js';
import { logInToZim } from '../src/adapters/zego-zim.js';
import { chatUser, fetchRtm, rtc, rtm, TokenKeeper, zego, zim } from '../src/index.js';

const service = { url: 'https://tokens.example.com' };

export async function agora(client: IAgoraRTCClient, v2: RTMClient, v1: RtmClient, chat: AgoraChat.Connection) {
  const bundle = new TokenKeeper({ service, request: rtc('demo', { uid: 7, with: ['rtm', 'chat'] }) });
  await joinAgoraRtc(client, bundle);
  await logInToAgoraRtm(v2, bundle);
  await openAgoraChat(chat, '7', bundle);
  await logInToAgoraRtm(v2, new TokenKeeper({ service, request: rtm('alice') }));
  await logInToAgoraRtm1(v1, 'alice', new TokenKeeper({ service, request: fetchRtm('alice') }));
  await openAgoraChat(chat, 'alice', new TokenKeeper({ service, request: chatUser('alice') }));
}

export async function zegocloud(engine: Express, client: ZIM) {
  await logInToZegoRoom(engine, 'demo', new TokenKeeper({ service, request: zego('alice') }));
  await logInToZegoRoom(engine, 'demo', new TokenKeeper({ service, request: zego('alice', { roomId: 'demo' }) }));
  await logInToZim(client, new TokenKeeper({ service, request: zim('alice') }));
}
