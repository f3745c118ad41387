import { logInToZegoRoom } from '../../src/adapters/zego-express.js';
import { type ZegoAnswer, zego } from '../../src/index.js';
import { show, USER } from '../shell.js';

show<ZegoAnswer>({
  title: 'ZEGO Express',
  vendor: 'ZEGO',
  about: 'Logs in to a voice and video room and renews the token. The token is for every room, or for this one only. The page records nothing and sends nothing.',
  fields: [
    USER,
    { id: 'room', label: 'Room', value: 'demo' },
    {
      id: 'scope',
      label: 'The token is for',
      value: 'basic',
      options: [
        ['basic', 'Every room (basic token)'],
        ['room', 'This room, without publishing'],
        ['publish', 'This room, with publishing'],
      ],
    },
    { id: 'server', label: 'Server', value: 'wss://webliveroom-test.zego.im/ws', hint: 'The server URL of your project, from ZEGO’s console.' },
  ],
  request: (value) => {
    const [user, scope, expiresIn] = [value('user'), value('scope'), Number(value('lifetime'))];
    if (scope === 'basic') return zego(user, { expiresIn });
    return zego(user, { roomId: value('room'), publish: scope === 'publish', expiresIn });
  },
  // A basic token names no room: its rules about rooms are about the choice of token.
  fieldOf: (parameter, value) => (parameter === 'room_id' && value('scope') === 'basic' ? 'scope' : undefined),
  enter: async (answer, keeper, value, options) => {
    const { ZegoExpressEngine } = await import('zego-express-engine-webrtc');
    const engine = new ZegoExpressEngine(answer.app_id, value('server'));
    engine.setLogConfig({ logLevel: 'error', remoteLogLevel: 'disable' });
    return logInToZegoRoom(engine, value('room'), keeper, options);
  },
});
