// What all demos share: the form, the token's state, the explanations and the log.
import type { Session, SessionOptions } from '../src/adapters/session.js';
import { type Answer, TokenError, TokenKeeper, type TokenRequest } from '../src/index.js';
import { explainSdk, explainToken, type Explanation } from './explain.js';

/** One demo. */
export interface Demo<A extends Answer> {
  readonly title: string;
  /** Whose cloud it logs in to. */
  readonly vendor: string;
  /** What it shows, in a sentence or two. */
  readonly about: string;
  readonly fields: readonly Field[];
  request(value: Value): TokenRequest<A>;
  /** Logs in with the SDK, which is loaded first. `answer` is the token that the keeper has. */
  enter(answer: A, keeper: TokenKeeper<A>, value: Value, options: SessionOptions): Promise<Session>;
}

export interface Field {
  readonly id: string;
  readonly label: string;
  readonly value: string;
  readonly hint?: string;
  /** Said by the URL under this name, too; not its value alone. */
  readonly options?: readonly (readonly [value: string, label: string])[];
  readonly optional?: boolean;
}

/** What stands in a field. */
export type Value = (id: string) => string;

export const USER: Field = { id: 'user', label: 'User id', value: 'alice', hint: 'Yourself. “me” is whoever the JWT says, if the service is a deployed one.' };
export const lifetimes = (first: string): Field => ({
  id: 'lifetime',
  label: 'The token lives',
  value: first,
  options: [
    ['60', '1 minute'],
    ['120', '2 minutes'],
    ['600', '10 minutes'],
    ['3600', '1 hour'],
    ['86400', '1 day'],
  ],
});

/** How long the SDK may be silent before the page says so. */
const SILENT = 15_000;

export function show<A extends Answer>(demo: Demo<A>): void {
  const service: Field = { id: 'service', label: 'Token service', value: '/api', hint: 'An address, or /api for the one that “make demo” started.' };
  document.body.insertAdjacentHTML('afterbegin', PAGE);
  at('title').textContent = demo.title;
  at('about').textContent = demo.about;
  at('vendor-cloud').textContent = demo.vendor;
  for (const field of demo.fields) at('fields').append(labelled(field));
  for (const field of [lifetimes('120'), service]) at('more-fields').append(labelled(field));
  at('more-fields').append(
    labelled({ id: 'jwt', label: 'JWT', value: '', hint: 'Who you are, for a deployed service. It stays in this page.', optional: true }),
  );
  at<HTMLInputElement>('jwt').type = 'password';
  at<HTMLInputElement>('jwt').autocomplete = 'off';

  const form = at<HTMLFormElement>('form');
  const value: Value = (id) => at<HTMLInputElement | HTMLSelectElement>(id).value.trim();
  let keeper: TokenKeeper<A> | undefined;
  /** Which log-in this is: what belongs to an earlier one is late. */
  let round = 0;
  let leaving = new AbortController();
  let life = 0;
  let renewals = 0;

  const state = (name: 'out' | 'fetching' | 'entering' | 'in' | 'token-only' | 'failed', words: string) => {
    at('status').dataset['state'] = name;
    at('status').textContent = words;
    const busy = name === 'fetching' || name === 'entering';
    at<HTMLButtonElement>('login').disabled = busy || name === 'in';
    at('login').textContent = name === 'token-only' ? 'Try again' : 'Log in';
    at<HTMLButtonElement>('logout').disabled = name === 'out' || name === 'failed';
    for (const element of form.querySelectorAll<HTMLInputElement>('input, select')) {
      element.disabled = !(name === 'out' || name === 'failed');
    }
  };
  const write = (kind: 'plain' | 'good' | 'retry' | 'bad', words: string) => {
    const item = document.createElement('li');
    item.dataset['kind'] = kind;
    const time = document.createElement('time');
    const now = new Date();
    time.dateTime = now.toISOString();
    time.textContent = now.toTimeString().slice(0, 8);
    const text = document.createElement('span');
    text.textContent = words;
    item.append(time, text);
    at('log-items').append(item);
    at('log-empty').hidden = true;
    while (at('log-items').childElementCount > 200) at('log-items').firstElementChild?.remove();
    at('log').scrollTop = at('log').scrollHeight;
  };
  const explain = (kind: 'retry' | 'final', explanation: Explanation | undefined) => {
    at('problem').hidden = explanation === undefined;
    if (explanation === undefined) return;
    at('problem').dataset['kind'] = kind;
    const { title, todo, detail = '' } = explanation;
    for (const [id, words] of Object.entries({ 'problem-title': title, 'problem-todo': todo, 'problem-detail': detail })) {
      // What is as it was isn't read aloud again.
      if (at(id).textContent !== words) at(id).textContent = words;
    }
    at('problem-detail').hidden = explanation.detail === undefined;
    // On a phone it is below the form.
    at('problem').scrollIntoView({ block: 'nearest' });
  };
  const count = () => {
    const left = keeper?.left;
    at('expires-in').textContent = left === undefined ? '–' : clock(left.expiry);
    at('renews-in').textContent = left === undefined ? '–' : left.renewal <= 0 ? 'now' : clock(left.renewal);
    at('renewals').textContent = String(renewals);
    at('life').style.setProperty('--left', String(left === undefined || life === 0 ? 0 : left.expiry / life));
    // Where the bar ends when the next token is due.
    at('life').style.setProperty('--due', String(left === undefined || life === 0 ? 0 : Math.max(0, (left.expiry - left.renewal) / life)));
    at('life-due').hidden = left === undefined;
  };
  setInterval(count, 250);

  const took = (answer: A) => {
    const first = life === 0;
    life = keeper?.left?.expiry ?? 0;
    if (!first) renewals += 1;
    write('good', first ? `Token fetched: it lives ${clock(life)}.` : `Token renewed (${renewals}): it lives ${clock(life)}.`);
    if (at('problem').dataset['from'] === 'token') explain('final', undefined);
    facts(answer);
    count();
  };
  const logOut = () => {
    round += 1;
    leaving.abort(new Error('logged out'));
    keeper?.stop();
    keeper = undefined;
    life = 0;
    renewals = 0;
    facts(undefined);
    count();
  };
  const tell = (from: 'token' | 'sdk', kind: 'retry' | 'final', explanation: Explanation) => {
    at('problem').dataset['from'] = from;
    explain(kind, explanation);
  };

  const logIn = async () => {
    const mine = (round += 1);
    const late = () => mine !== round;
    leaving = new AbortController();
    const { signal } = leaving;
    explain('final', undefined);
    try {
      if (keeper === undefined) {
        state('fetching', 'Fetching a token…');
        const jwt = value('jwt');
        keeper = new TokenKeeper<A>({
          service: { url: value('service'), ...(jwt === '' ? {} : { jwt: () => jwt }) },
          request: demo.request(value),
          onToken: took,
          onRetry: ({ error, delay }) => {
            const explanation = explainToken(error);
            tell('token', 'retry', explanation);
            write('retry', `${explanation.title} Trying again in ${(delay / 1000).toFixed(1)} s.`);
          },
          onError: (error) => {
            const explanation = explainToken(error);
            tell('token', 'final', explanation);
            write('bad', `${explanation.title} No more attempts.`);
          },
          patience: 86_400_000,
        });
      }
      const answer = await keeper.token();
      if (late() || keeper === undefined) return;
      state('entering', `Logging in at ${demo.vendor}…`);
      write('plain', `Logging in at ${demo.vendor}.`);
      const silent = setTimeout(() => {
        if (late()) return;
        write('retry', `${demo.vendor} has not answered for ${SILENT / 1000} s. The SDK is still trying.`);
        tell('sdk', 'retry', { title: `${demo.vendor} does not answer.`, todo: `The token is good and is kept fresh. The SDK is still trying: is this network allowed to reach ${demo.vendor}?` });
      }, SILENT);
      try {
        await demo.enter(answer, keeper, value, {
          signal,
          onRenewed: () => {
            if (!late()) write('good', `${demo.vendor}’s SDK has taken the new token.`);
          },
          onLoggedInAgain: () => {
            if (late()) return;
            write('good', 'The token had expired: logged in again.');
            explain('final', undefined);
          },
          onError: (error) => {
            if (late() || error instanceof TokenError) return;
            const explanation = explainSdk(demo.vendor, error);
            tell('sdk', 'retry', explanation);
            write('bad', explanation.detail ?? explanation.title);
          },
        });
      } finally {
        clearTimeout(silent);
      }
      if (late()) return;
      explain('final', undefined);
      state('in', 'Logged in');
      write('good', `Logged in at ${demo.vendor}.`);
    } catch (error) {
      if (late()) return;
      if (error instanceof TokenError || keeper?.current === undefined) {
        // A field that the module doesn't take, before anything was sent.
        if (!(error instanceof TokenError)) {
          const detail = error instanceof Error ? error.message : String(error);
          tell('token', 'final', { title: 'This cannot be asked for.', todo: 'Correct the field that the line below is about.', detail });
          write('bad', `This cannot be asked for: ${detail}`);
        }
        logOut();
        state('failed', 'No token');
        at('login').focus({ preventScroll: true });
        return;
      }
      const explanation = explainSdk(demo.vendor, error);
      tell('sdk', 'final', explanation);
      write('bad', `${explanation.title}${explanation.detail === undefined ? '' : ` ${explanation.detail}`}`);
      state('token-only', 'Token good, not logged in');
      at('login').focus({ preventScroll: true });
    }
  };

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void logIn();
  });
  at('logout').addEventListener('click', () => {
    explain('final', undefined);
    state('out', 'Logged out');
    write('plain', 'Logged out.');
    at('login').focus();
    logOut();
  });
  addEventListener('pagehide', (event) => {
    if (!event.persisted) logOut();
  });
  state('out', 'Logged out');
  count();
}

function labelled(field: Field): HTMLLabelElement {
  const label = document.createElement('label');
  label.className = 'field';
  const name = document.createElement('span');
  name.textContent = field.label;
  const said = new URLSearchParams(location.search).get(field.id);
  // What a link may say for others to send, but never who they are.
  const value = field.id === 'jwt' ? '' : (said ?? field.value);
  let input: HTMLInputElement | HTMLSelectElement;
  if (field.options === undefined) {
    input = document.createElement('input');
    input.value = value;
    input.required = field.optional !== true;
    input.autocapitalize = 'none';
    input.spellcheck = false;
    input.autocomplete = 'off';
  } else {
    const select = document.createElement('select');
    const known = field.options.some(([option]) => option === value);
    for (const [option, words] of known ? field.options : [...field.options, [value, value] as const]) select.add(new Option(words, option));
    select.value = value;
    input = select;
  }
  input.id = input.name = field.id;
  label.append(name, input);
  if (field.hint !== undefined) {
    const hint = document.createElement('small');
    hint.id = `${field.id}-hint`;
    hint.textContent = field.hint;
    input.setAttribute('aria-describedby', hint.id);
    label.append(hint);
  }
  return label;
}

/** What the answer says, but for the token, of which only the beginning is shown. */
function facts(answer: Answer | undefined): void {
  const list = at('facts');
  list.replaceChildren();
  list.hidden = answer === undefined;
  if (answer === undefined) return;
  const { token, ...rest } = answer as Answer & Record<string, unknown>;
  const shown: [string, unknown][] = [['token', `${token.slice(0, 8)}… (${token.length} characters)`]];
  for (const name of ['kind', 'app_id', 'user_id', 'uid', 'account', 'channel', 'room_id', 'role', 'version']) {
    if (rest[name] !== undefined) shown.push([name, rest[name]]);
  }
  for (const [name, value] of shown) {
    const term = document.createElement('dt');
    term.textContent = name;
    const said = document.createElement('dd');
    const code = document.createElement('code');
    code.textContent = String(value);
    said.append(code);
    list.append(term, said);
  }
}

function clock(milliseconds: number): string {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const two = (number: number) => String(number).padStart(2, '0');
  return `${hours > 0 ? `${hours}:${two(minutes)}` : minutes}:${two(seconds % 60)}`;
}

function at<E extends HTMLElement = HTMLElement>(id: string): E {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element as E;
}

const PAGE = `
<header class="top">
  <a class="brand" href="./index.html"><img src="./icon.svg" alt="" width="28" height="28"> Tokenmint</a>
  <a href="./index.html">All demos</a>
</header>
<main>
  <h1 id="title"></h1>
  <p class="lead" id="about"></p>
  <div class="demo">
    <form class="panel form" id="form" aria-label="Log in">
      <div id="fields"></div>
      <details>
        <summary>Token and service</summary>
        <div id="more-fields"></div>
      </details>
      <div class="buttons">
        <button class="primary" id="login" type="submit">Log in</button>
        <button id="logout" type="button" disabled>Log out</button>
      </div>
    </form>
    <section class="panel problem" id="problem" role="alert" hidden>
      <h2 id="problem-title"></h2>
      <p id="problem-todo"></p>
      <p class="detail" id="problem-detail"></p>
    </section>
    <section class="panel" aria-labelledby="token-heading">
      <div class="state">
        <h2 id="token-heading">Token, and <span id="vendor-cloud"></span></h2>
        <p class="chip" id="status" role="status"></p>
      </div>
      <dl class="figures">
        <div><dt>Expires in</dt><dd id="expires-in"></dd></div>
        <div><dt>Next token in</dt><dd id="renews-in"></dd></div>
        <div><dt>Renewals</dt><dd id="renewals"></dd></div>
      </dl>
      <div class="life" id="life" aria-hidden="true"><i></i><b id="life-due"></b></div>
      <dl class="facts" id="facts" hidden></dl>
    </section>
    <section class="panel" aria-labelledby="log-heading">
      <h2 id="log-heading">What happened</h2>
      <p class="quiet" id="log-empty">Nothing yet. Log in, and it is written here.</p>
      <div class="log" id="log" role="log" aria-live="polite" aria-labelledby="log-heading" tabindex="0"><ol id="log-items"></ol></div>
    </section>
  </div>
</main>`;
