import { type AgoraRtmClient, logInToAgoraRtm } from '../../src/adapters/agora-rtm.js';
import { rtm } from '../../src/index.js';
import { show, USER } from '../shell.js';

/** The SDK lets nobody in twice from one page, and an instance whose log-in was broken off counts as in. */
const clients = new Map<string, AgoraRtmClient>();

show({
  title: 'Agora RTM 2.x',
  vendor: 'Agora',
  about: 'Logs in to Signaling with the current SDK. Renews the token while you are logged in.',
  fields: [USER],
  request: (value) => rtm(value('user'), { expiresIn: Number(value('lifetime')) }),
  enter: async (answer, keeper, _, options) => {
    const { default: AgoraRTM } = await import('agora-rtm');
    const { app_id, user_id } = answer;
    const key = `${app_id} ${user_id}`;
    // Its log of a failed log-in has half of the token in it.
    const client = clients.get(key) ?? new AgoraRTM.RTM(app_id, user_id, { logLevel: 'none' });
    clients.set(key, client);
    return logInToAgoraRtm(client, keeper, options);
  },
});
