import { logInToAgoraRtm1 } from '../../src/adapters/agora-rtm-1.js';
import { fetchRtm } from '../../src/index.js';
import { show } from '../shell.js';

show({
  title: 'Agora RTM 1.x',
  vendor: 'Agora',
  about: 'Logs in to Signaling with the older SDK, as in Agora’s tutorial (POST /fetch_rtm_token). This answer names no lifetime, so the page renews the token after half of its life.',
  fields: [{ id: 'user', label: 'User id', value: '1234', hint: 'Your own: the uid of the tutorial, 1 to 64 visible characters.' }],
  needsId: true,
  request: (value) => fetchRtm(value('user'), { expiresIn: Number(value('lifetime')) }),
  enter: async (answer, keeper, value, options) => {
    const { default: AgoraRTM } = await import('agora-rtm-1');
    // The tutorial's answer doesn't say the app id; a version 006 token begins with it.
    const appId = answer.token.slice(3, 35);
    const client = AgoraRTM.createInstance(appId, { enableLogUpload: false, logFilter: AgoraRTM.LOG_FILTER_WARNING });
    return logInToAgoraRtm1(client, value('user'), keeper, options);
  },
});
