// What all demos share: the form, the token's state, the explanations and the log.
import type { Session, SessionOptions } from '../src/adapters/session.js';
import { type Answer, TokenError, TokenKeeper, type TokenRequest } from '../src/index.js';
import { explainProvider, explainSdk, explainSilence, explainToken, type Explanation } from './explain.js';
import { asQuery, clearAll, type Field, fieldOf, firstEmpty, labelled, lifetimes, mark, type Value } from './fields.js';
import { at, clock, PAGE } from './page.js';
import { explain, write } from './report.js';
import { appIdOf, ask, isDemo, mayAnswerLater, type Vendor } from './service.js';
import { SignIn } from './sign-in.js';
import { copy, showAnswer } from './token.js';

export { USER } from './fields.js';

/** One demo. */
export interface Demo<A extends Answer> {
  readonly title: string;
  /** Whose cloud it logs in to. */
  readonly vendor: Vendor;
  /** What it shows, in a sentence or two. */
  readonly about: string;
  readonly fields: readonly Field[];
  /** Whether the SDK needs the user's id itself. Otherwise “me” stands for the signed-in user. */
  readonly needsId?: boolean;
  request(value: Value): TokenRequest<A>;
  /** The field of a parameter that this page asks for in its own way. */
  fieldOf?(parameter: string, value: Value): string | undefined;
  /** Logs in with the SDK, which is loaded first. `answer` is the token that the keeper has. */
  enter(answer: A, keeper: TokenKeeper<A>, value: Value, options: SessionOptions): Promise<Session>;
}

/** In a page's address: log in as soon as the page is there. A page that comes back from a sign-in has it. */
const ENTER = 'enter';

/** How long the SDK may be silent before the page says so. */
const SILENT = 15_000;

const NOT_A_JWT = 'This is not a JWT. Paste the access token of your identity provider. A local run needs none.';
const isJwt = (text: string) => /^[\w-]+\.[\w-]+\.[\w-]*$/.test(text);

export function show<A extends Answer>(demo: Demo<A>): void {
  const { vendor } = demo;
  const service: Field = { id: 'service', label: 'Token service', value: '/api', hint: 'An address. /api is the service that “make demo” started.' };
  const jwt: Field = { id: 'jwt', label: 'JWT', value: '', hint: 'Who you are, for a deployed service: the access token of your identity provider. It stays in this page.', optional: true };
  document.body.insertAdjacentHTML('afterbegin', PAGE);
  at('title').textContent = demo.title;
  at('about').textContent = demo.about;
  at('notice-title').textContent = `Demo credentials: ${vendor} will not let you in`;
  at('notice-why').textContent = `This service uses the built-in app id, which belongs to no project. You get tokens and see them renewed, but no log-in at ${vendor} can succeed.`;
  at('fields').append(...demo.fields.map(labelled));
  at('more-fields').append(...[lifetimes('120'), service, jwt].map(labelled));
  at<HTMLInputElement>('jwt').type = 'password';

  const form = at<HTMLFormElement>('form');
  const value: Value = (id) => at<HTMLInputElement | HTMLSelectElement>(id).value.trim();
  let keeper: TokenKeeper<A> | undefined;
  /** Which log-in this is: what belongs to an earlier one is late. */
  let round = 0;
  let leaving = new AbortController();
  let life = 0;
  let renewals = 0;
  /** The app id of the service's tokens, once it is known. */
  let appId: unknown;
  /** The page's sign-in, if there is one, and who is signed in. */
  let signIn: SignIn | undefined;
  let name: string | undefined;

  const state = (name: 'out' | 'fetching' | 'entering' | 'in' | 'token-only' | 'failed', words: string) => {
    at('status').dataset['state'] = at('demo').dataset['state'] = name;
    at('status').textContent = words;
    const busy = name === 'fetching' || name === 'entering';
    at<HTMLButtonElement>('login').disabled = busy || name === 'in';
    at('login').textContent = name === 'token-only' ? 'Try again' : 'Log in';
    at<HTMLButtonElement>('logout').disabled = name === 'out' || name === 'failed';
    for (const element of form.querySelectorAll<HTMLInputElement>('input, select')) {
      element.disabled = !(name === 'out' || name === 'failed');
    }
    notice();
  };
  /** Whether no log-in at the vendor can succeed, as far as the page knows. */
  const demoOnly = () => isDemo(appId) || (appId === undefined && signIn?.demoCredentials === true);
  const notice = () => {
    at('notice').hidden = !demoOnly() || at('status').dataset['state'] === 'in';
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
    write('good', first ? `Fetched a token. It lives ${clock(life)}.` : `Renewed the token (${renewals}). The new one lives ${clock(life)}.`);
    if (at('problem').dataset['from'] === 'token') explain('final', undefined);
    appId = appIdOf(answer) ?? appId;
    notice();
    showAnswer(answer);
    count();
  };
  const logOut = () => {
    round += 1;
    leaving.abort(new Error('logged out'));
    keeper?.stop();
    keeper = undefined;
    life = 0;
    renewals = 0;
    showAnswer(undefined);
    count();
  };
  const tell = (from: 'token' | 'sdk', kind: 'retry' | 'final', explanation: Explanation) => {
    at('problem').dataset['from'] = from;
    explain(kind, explanation);
  };
  /** Nobody is logged in and there is no token. A field that is to blame is marked, once it can be changed again. */
  const fail = (field: string | undefined, words: string) => {
    logOut();
    state('failed', 'No token');
    if (field === 'sign-in') at('again').focus();
    else if (field === undefined) at('login').focus({ preventScroll: true });
    else mark(field, words);
  };
  /** A value that the page itself does not send. */
  const refuse = (field: string, rule: string) => {
    const label = document.querySelector(`label[for="${field}"]`)?.firstChild?.textContent ?? field;
    tell('token', 'final', { what: `“${label}” cannot be used as it is.`, why: rule, next: 'Correct the field and log in again.' });
    write('bad', `Nothing was asked for. ${label}: ${rule}`);
    fail(field, rule);
  };

  /** Asks for the token with what stands in the fields, or marks the field that makes it impossible. */
  const keep = (): TokenKeeper<A> | undefined => {
    const empty = firstEmpty(form);
    if (empty !== undefined) {
      refuse(empty, 'This field must not be empty.');
      return undefined;
    }
    let request: TokenRequest<A>;
    try {
      request = demo.request(value);
    } catch {
      // A URL has no way to write these two names.
      const field = demo.fields.find(({ id }) => value(id) === '.' || value(id) === '..');
      refuse(field?.id ?? 'user', 'It must not be “.” or “..”.');
      return undefined;
    }
    const token = value('jwt');
    if (token !== '' && !isJwt(token)) {
      refuse('jwt', NOT_A_JWT);
      return undefined;
    }
    try {
      return new TokenKeeper<A>({
        // The field's own value: after a 401 somebody puts a new JWT there.
        service: { url: value('service'), ...(signIn !== undefined ? { jwt: () => signIn!.jwt() } : token === '' ? {} : { jwt: () => value('jwt') }) },
        request,
        onToken: took,
        onRetry: ({ error, delay }) => {
          const explanation = explainToken(error, signIn !== undefined);
          tell('token', 'retry', explanation);
          write('retry', `${explanation.what} Next attempt in ${(delay / 1000).toFixed(1)} s.`, explanation.detail);
        },
        onError: (error) => {
          const explanation = explainToken(error, signIn !== undefined);
          tell('token', 'final', explanation);
          write('bad', `${explanation.what} No more attempts.`, explanation.detail);
          if (life > 0 && explanation.field === 'jwt' && token !== '') {
            at<HTMLInputElement>('jwt').disabled = false;
            mark('jwt', `${explanation.what} Paste a new JWT.`);
          }
        },
        patience: 86_400_000,
      });
    } catch (error) {
      const rule = error instanceof Error ? error.message : String(error);
      refuse('service', `${rule.charAt(0).toUpperCase()}${rule.slice(1)}.`);
      return undefined;
    }
  };

  const logIn = async () => {
    clearAll(form);
    if (signIn !== undefined && name === undefined) {
      await leave(true);
      return;
    }
    explain('final', undefined);
    const mine = (round += 1);
    const late = () => mine !== round;
    leaving = new AbortController();
    const { signal } = leaving;
    try {
      keeper ??= keep();
      if (keeper === undefined) return;
      if (keeper.current === undefined) state('fetching', 'Fetching a token…');
      const answer = await keeper.token();
      if (late() || keeper === undefined) return;
      state('entering', `Logging in at ${vendor}…`);
      write('plain', `Logging in at ${vendor}.`);
      const silent = setTimeout(() => {
        if (late()) return;
        const explanation = explainSilence(vendor, SILENT / 1000, demoOnly());
        write('retry', `${vendor} has not answered for ${SILENT / 1000} seconds. The SDK is still trying.`);
        tell('sdk', 'retry', explanation);
      }, SILENT);
      try {
        await demo.enter(answer, keeper, value, {
          signal,
          onRenewed: () => {
            if (!late()) write('good', `${vendor}’s SDK has taken the new token.`);
          },
          onLoggedInAgain: () => {
            if (late()) return;
            write('good', 'The token had expired. Logged in again.');
            explain('final', undefined);
          },
          onError: (error) => {
            if (late() || error instanceof TokenError) return;
            const explanation = explainSdk(vendor, error, demoOnly());
            tell('sdk', 'retry', explanation);
            write('bad', explanation.what, explanation.detail);
          },
        });
      } finally {
        clearTimeout(silent);
      }
      if (late()) return;
      explain('final', undefined);
      state('in', `Logged in at ${vendor}`);
      write('good', `Logged in at ${vendor}.`);
    } catch (error) {
      if (late()) return;
      if (error instanceof TokenError) {
        const { field, parameter = '', rule, what } = explainToken(error, signIn !== undefined);
        fail(demo.fieldOf?.(parameter, value) ?? fieldOf(parameter) ?? field, rule !== undefined ? `Rule: ${rule}` : field === 'jwt' ? `${what} Paste a new JWT.` : what);
        return;
      }
      const explanation = explainSdk(vendor, error, demoOnly());
      tell('sdk', 'final', explanation);
      write('bad', explanation.what, explanation.detail);
      state('token-only', 'Token good, not logged in');
      at('login').focus({ preventScroll: true });
    }
  };

  /** Goes to the provider. The page comes back with the same fields, and then logs in by itself. */
  const leave = async (enter: boolean) => {
    const query = asQuery(form);
    if (enter) query.set(ENTER, '1');
    try {
      await signIn!.leave(`${location.pathname}?${query}`);
    } catch (error) {
      tell('token', 'final', explainProvider(error));
      write('bad', 'The sign-in did not begin.');
    }
  };
  /** Signs in again without leaving, so that the SDK stays where it is. */
  const signInAgain = async () => {
    const before = name;
    let opened: boolean;
    try {
      opened = await signIn!.again();
    } catch (error) {
      write('bad', 'You are not signed in again.', error instanceof Error ? error.message : String(error));
      return;
    }
    if (!opened) {
      await leave(true);
      return;
    }
    await showWho();
    explain('final', undefined);
    if (before !== undefined && name !== before) {
      logOut();
      state('out', 'Logged out');
      write('plain', `You are ${name} now, so ${before} has left. Log in to go on.`);
    } else {
      write('good', 'Signed in again.');
      if (keeper === undefined) void logIn();
      else keeper.renew().catch(() => {});
    }
  };
  /** Shows who is signed in. */
  const showWho = async () => {
    name = await signIn?.name();
    at('who').hidden = signIn === undefined;
    at('who-name').textContent = name === undefined ? 'You are not signed in.' : `Signed in as ${name}`;
    at('sign-in').hidden = name !== undefined;
    at('sign-out').hidden = name === undefined;
    if (demo.needsId === true && name !== undefined) at<HTMLInputElement>('user').value = name;
    void look();
  };
  /** Looks whether these pages have a sign-in. Then nobody says here who they are, and nobody pastes a JWT. */
  const begin = async () => {
    signIn = await SignIn.here();
    const query = new URLSearchParams(location.search);
    if (signIn !== undefined) {
      at('jwt').closest<HTMLElement>('.field')!.hidden = true;
      const user = at<HTMLInputElement>('user');
      // If a page needs no user, the service takes the one who is signed in.
      if (!query.has('user') && demo.needsId !== true) user.value = user.required ? 'me' : '';
    }
    await showWho();
    if (signIn === undefined || name === undefined || !query.has(ENTER)) return;
    // Once: a page that is loaded again does not log in by itself.
    query.delete(ENTER);
    history.replaceState(null, '', `${location.pathname}?${query}`);
    await logIn();
  };

  /** Learns beforehand whether the service has the built-in credentials. Another address is another service. */
  const look = async () => {
    const address = value('service');
    appId = undefined;
    notice();
    for (;;) {
      const jwt = name === undefined ? undefined : await signIn?.jwt().catch(() => undefined);
      const said = await ask(address, vendor, jwt);
      if (value('service') !== address || appId !== undefined) return;
      appId = said.appId;
      notice();
      if (!mayAnswerLater(said)) return;
      await new Promise((done) => setTimeout(done, 3_000));
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
  at('copy').addEventListener('click', () => {
    const held = keeper?.current;
    if (held !== undefined) void copy(held.token);
  });
  at('jwt').addEventListener('change', () => {
    if (keeper === undefined) return;
    if (!isJwt(value('jwt'))) {
      mark('jwt', NOT_A_JWT);
      return;
    }
    at<HTMLInputElement>('jwt').disabled = true;
    keeper.renew().catch(() => {});
  });
  at('service').addEventListener('change', () => void look());
  addEventListener('pagehide', (event) => {
    if (!event.persisted) logOut();
  });
  at('sign-in').addEventListener('click', () => void leave(false));
  at('sign-out').addEventListener('click', () => {
    logOut();
    void signIn?.out();
  });
  at('again').addEventListener('click', () => void signInAgain());
  state('out', 'Not logged in');
  count();
  void begin();
}
