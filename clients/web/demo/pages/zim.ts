import { logInToZim } from '../../src/adapters/zego-zim.js';
import { zim } from '../../src/index.js';
import { show, USER } from '../shell.js';

show({
  title: 'ZEGO ZIM',
  vendor: 'ZEGO',
  about: 'Logs in to ZEGO’s messaging. Renews the token while you are logged in.',
  fields: [{ ...USER, hint: 'Your own, at most 32 bytes.' }],
  request: (value) => zim(value('user'), { expiresIn: Number(value('lifetime')) }),
  enter: async (answer, keeper, _, options) => {
    const { ZIM } = await import('zego-zim-web');
    // There is one at most in a page.
    const client = ZIM.getInstance() ?? ZIM.create({ appID: answer.app_id });
    if (client === null) throw new Error('ZIM does not start in this browser.');
    return logInToZim(client, keeper, options);
  },
});
