import { joinAgoraRtc } from '../../src/adapters/agora-rtc.js';
import { rtc } from '../../src/index.js';
import { show, USER } from '../shell.js';

show({
  title: 'Agora RTC',
  vendor: 'Agora',
  about: 'Joins a voice and video channel. Gives each new token to the SDK while it is in the channel. The page records nothing and sends nothing.',
  fields: [
    { ...USER, hint: 'A name, or a number as numeric uid. With a JWT it may be empty: then the service gives you a uid.', optional: true },
    { id: 'room', label: 'Channel', value: 'demo' },
    {
      id: 'role',
      label: 'Role',
      value: 'subscriber',
      options: [
        ['subscriber', 'Subscriber (listens)'],
        ['publisher', 'Publisher (may also speak)'],
      ],
    },
  ],
  request: (value) => {
    const user = value('user');
    const who = user === '' ? {} : /^\d+$/.test(user) ? { uid: Number(user) } : { account: user };
    const role = value('role') === 'publisher' ? 'publisher' : 'subscriber';
    return rtc(value('room'), { ...who, role, expiresIn: Number(value('lifetime')) });
  },
  enter: async (_, keeper, value, options) => {
    const { default: AgoraRTC } = await import('agora-rtc-sdk-ng');
    AgoraRTC.setLogLevel(3);
    const publisher = value('role') === 'publisher';
    const client = AgoraRTC.createClient({ mode: 'live', codec: 'vp8', role: publisher ? 'host' : 'audience' });
    return joinAgoraRtc(client, keeper, options);
  },
});
