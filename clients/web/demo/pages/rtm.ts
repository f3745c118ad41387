import { logInToAgoraRtm } from '../../src/adapters/agora-rtm.js';
import { rtm } from '../../src/index.js';
import { show, USER } from '../shell.js';

show({
  title: 'Agora RTM 2.x',
  vendor: 'Agora',
  about: 'Logs in to Signaling with the current SDK, and renews the token while it is logged in.',
  fields: [USER],
  request: (value) => rtm(value('user'), { expiresIn: Number(value('lifetime')) }),
  enter: async (answer, keeper, _, options) => {
    const { default: AgoraRTM } = await import('agora-rtm');
    const client = new AgoraRTM.RTM(answer.app_id, answer.user_id, { logLevel: 'warn' });
    return logInToAgoraRtm(client, keeper, options);
  },
});
