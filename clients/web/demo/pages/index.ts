// Says on the start page whether there is a token service, and hands on to each page what the URL says.
import { ask, isDemo, mayAnswerLater, type Said } from '../service.js';
import { SignIn } from '../sign-in.js';

const asked = new URLSearchParams(location.search);
for (const link of document.querySelectorAll<HTMLAnchorElement>('a.card')) link.search = asked.toString();

const state = document.getElementById('service-state')!;
const service = asked.get('service') ?? '/api';

function say(kind: 'good' | 'warn' | 'bad', ...words: string[]): void {
  const said = words.join(' ');
  // Said once, not every time: it is read aloud.
  if (state.textContent === said) return;
  state.dataset['state'] = kind;
  state.textContent = said;
}

const answers = `The token service at ${service} answers`;

/** In plain words, what the service says to one request for Agora and one for ZEGO. */
function tell(agora: Said, zego: Said): void {
  const statuses = [agora.status, zego.status];
  if (statuses.includes(200)) {
    const lacking = [agora, zego].findIndex(({ status }) => status === 503);
    const missing = lacking < 0 ? [] : [`It has no credentials of ${['Agora', 'ZEGO'][lacking]}, so those pages get no token.`];
    document.getElementById('notice')!.hidden = ![agora, zego].some(({ appId }) => isDemo(appId));
    say(missing.length > 0 ? 'warn' : 'good', `${answers}.`, ...missing);
  } else if (statuses.includes(401)) {
    document.getElementById('notice')!.hidden = signIn?.demoCredentials !== true;
    const how = signIn === undefined ? 'Each page has a field for your JWT.' : 'Sign in on the page that you open.';
    say('good', `${answers} and asks who you are. ${how}`);
  } else if (statuses.includes(503)) {
    say('warn', `${answers}, but has no credentials yet. Its log says why.`);
  } else if (statuses.some((status) => status === 502 || status === 504)) {
    say('warn', `The token service behind ${service} is not running yet. “make demo” starts it; the first build takes some minutes.`);
  } else if (agora.status === undefined) {
    say('bad', `Nothing answers at ${service}. “make demo” starts the token service. Another address: ?service=…`);
  } else {
    say('bad', `There is no token service at ${service}: it answers ${agora.status}. “make demo” starts one. Another address: ?service=…`);
  }
}

const signIn = await SignIn.here();
for (;;) {
  const said = [await ask(service, 'Agora'), await ask(service, 'ZEGO')] as const;
  tell(...said);
  if (!said.some(mayAnswerLater)) break;
  await new Promise((done) => setTimeout(done, 3_000));
}
