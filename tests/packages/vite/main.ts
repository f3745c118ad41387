import { rtc, TokenKeeper } from 'tokenmint-web';
// An adapter takes the SDK's own object, so this app needs no SDK to be built.
import { joinAgoraRtc } from 'tokenmint-web/adapters/agora-rtc';

const keeper = new TokenKeeper({
  service: { url: import.meta.env.VITE_TOKENMINT_URL },
  request: rtc('demo', { uid: 7, expiresIn: 10 }),
  onToken: ({ channel, uid }) => document.querySelector('ol')!.insertAdjacentHTML('beforeend', `<li>${channel} ${uid} ${typeof joinAgoraRtc}`),
});
await keeper.token();
