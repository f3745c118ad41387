import { openAgoraChat } from '../../src/adapters/agora-chat.js';
import { chatUser } from '../../src/index.js';
import { show, USER } from '../shell.js';

show({
  title: 'Agora Chat',
  vendor: 'Agora Chat',
  about: 'Logs a user in to Chat, as in Agora’s tutorial. Renews the token before the SDK warns.',
  fields: [
    { ...USER, hint: 'In lower case. The user must exist in the Chat project, or the project must allow open registration.' },
    { id: 'app-key', label: 'App key', value: 'demo-org#demo-app', hint: 'From the Chat project in Agora’s console: org#app.' },
  ],
  request: (value) => chatUser(value('user'), { expiresIn: Number(value('lifetime')) }),
  enter: async (answer, keeper, value, options) => {
    const { default: loaded } = await import('agora-chat');
    // The SDK's CommonJS file says `default` without saying that it is a module, so some bundlers have it twice.
    const AgoraChat = 'default' in loaded ? (loaded.default as typeof loaded) : loaded;
    const connection = new AgoraChat.connection({ appKey: value('app-key'), autoReconnectNumMax: 3 });
    const user = 'user_id' in answer ? answer.user_id : value('user');
    return openAgoraChat(connection, user, keeper, options);
  },
});
