import { rtc, TokenKeeper } from 'tokenmint-web';
// An adapter takes the SDK's own object. So this app can be built without an SDK.
import { joinAgoraRtc } from 'tokenmint-web/adapters/agora-rtc';

const keeper = new TokenKeeper({
  service: { url: import.meta.env.VITE_TOKENMINT_URL },
  request: rtc('demo', { uid: 7, expiresIn: 10 }),
  onToken: ({ channel, uid }) => document.querySelector('ol')!.insertAdjacentHTML('beforeend', `<li>${channel} ${uid} ${typeof joinAgoraRtc}`),
});
await keeper.token();
