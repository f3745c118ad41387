// React Native's own fetch, URL and AbortController, because they differ from a browser's. `say` and `serviceUrl` are the test's.
import { fetch, Headers, Request, Response } from 'react-native/Libraries/Network/fetch';
import { URL, URLSearchParams } from 'react-native/Libraries/Blob/URL';
import { AbortController } from 'abort-controller/dist/abort-controller';
import { rtc, TokenKeeper } from 'tokenmint-web';

Object.assign(globalThis, { fetch, Headers, Request, Response });
globalThis.URL = URL;
globalThis.URLSearchParams = URLSearchParams;
globalThis.AbortController = AbortController;

const keeper = new TokenKeeper({
  service: { url: globalThis.serviceUrl, jwt: () => 'head.body.sig' },
  request: rtc('demo', { uid: 7, expiresIn: 10 }),
  onToken: ({ channel, uid }) => globalThis.say(`${channel} ${uid}`),
});
keeper.token().catch((error) => globalThis.say(String(error)));
globalThis.stop = async () => {
  keeper.stop();
  globalThis.say(await keeper.token().catch((error) => error.reason));
};
