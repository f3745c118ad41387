// Starts an agent in a channel, through the demo's own backend: tools/demo-agents/backend.mjs.
import { type Explanation, explainProvider } from '../explain.js';
import { asQuery, clearAll, firstEmpty, labelled, mark, type Value } from '../fields.js';
import { at, log, PROBLEM, TOP, WHO } from '../page.js';
import { explain, write } from '../report.js';
import { SignedOutError, SignIn } from '../sign-in.js';

/** What the backend says about an agent. */
interface Agent {
  readonly agent_id: string;
  readonly channel: string;
  readonly product: string;
  readonly uid: number;
  readonly status: string;
  /** What the agent's token carried, in words: one text for each service. */
  readonly carried: readonly string[];
}

/** A refusal, as the page shows it. */
class Refused extends Error {
  constructor(readonly explanation: Explanation) {
    super(explanation.what);
  }
}

/**
 * A parameter of this page's address, and a name in the session's storage. Before a sign-in the page writes the same random value into both.
 * If it finds them equal afterwards, it starts the agent that the user asked for. A link of another site cannot know the value.
 */
const START = 'start';
/** The statuses of an agent that has ended. */
const ENDED: readonly string[] = ['STOPPED', 'FAILED'];
/** How often the page asks whether the agent still runs, in milliseconds. */
const EVERY = 10_000;

const PRODUCTS = [
  ['convoai', 'Conversational AI'],
  ['stt', 'Speech to text'],
] as const;

document.body.insertAdjacentHTML('afterbegin', `
${TOP}
<main>
  <h1>An agent</h1>
  <p class="lead">
    An agent is a program that takes part in a channel. Only backends get its token. So this page asks its own backend. The backend
    gets the token from the token service, and starts the agent at Agora’s REST API.
  </p>
  <section class="panel notice" aria-labelledby="notice-title">
    <h2 id="notice-title">A stand-in for Agora’s REST API</h2>
    <p>
      On this page, a stand-in on your machine answers in place of Agora. It verifies the token with Agora’s own package, and answers
      as Agora’s documentation says. It starts no real agent, and it costs nothing.
    </p>
  </section>
  <div class="demo" id="demo" data-state="out">
    <form class="panel form" id="form" aria-labelledby="form-heading" novalidate>
      <h2 id="form-heading">Start an agent</h2>
${WHO}
      <div id="fields"></div>
      <div class="buttons">
        <button class="primary" id="start" type="submit">Start the agent</button>
        <button id="stop" type="button" disabled>Stop the agent</button>
      </div>
    </form>
${PROBLEM}
    <section class="panel" aria-labelledby="agent-heading">
      <div class="state">
        <h2 id="agent-heading">Your agent</h2>
        <p class="chip" id="status" role="status"></p>
      </div>
      <dl class="facts" id="facts"></dl>
    </section>
    <section class="panel" id="says" aria-labelledby="says-heading" hidden>
      <h2 id="says-heading">What the agent’s token carried</h2>
      <ul class="carried" id="carried"></ul>
      <p class="quiet">The stand-in read this from the token. The token itself stays with the backend.</p>
    </section>
${log('Start an agent, and each step appears here.')}
  </div>
</main>`);
at('fields').append(
  ...[
    { id: 'channel', label: 'Channel', value: 'demo', hint: 'A channel in which you may publish. The token service decides this.' },
    { id: 'product', label: 'Product', value: 'convoai', options: PRODUCTS, hint: 'Conversational AI listens and speaks. Speech to text listens and writes.' },
  ].map(labelled),
);

const form = at<HTMLFormElement>('form');
const value: Value = (id) => at<HTMLInputElement | HTMLSelectElement>(id).value.trim();
let signIn: SignIn | undefined;
let name: string | undefined;
let agent: Agent | undefined;

function state(kind: 'out' | 'fetching' | 'in' | 'failed', words: string): void {
  at('status').dataset['state'] = at('demo').dataset['state'] = kind;
  if (at('status').textContent !== words) at('status').textContent = words;
  const free = kind === 'out' || kind === 'failed';
  at<HTMLButtonElement>('start').disabled = !free;
  at<HTMLButtonElement>('stop').disabled = kind !== 'in';
  for (const element of form.querySelectorAll<HTMLInputElement>('input, select')) element.disabled = !free;
}

/** Shows this agent, or that there is none. */
function show(shown: Agent | undefined): void {
  agent = shown;
  at('says').hidden = shown === undefined;
  const facts = shown === undefined ? [] : [
    ['product', PRODUCTS.find(([id]) => id === shown.product)?.[1] ?? shown.product],
    ['channel', shown.channel],
    ['uid', String(shown.uid)],
    ['agent id', shown.agent_id],
    ['status', shown.status],
  ];
  at('facts').replaceChildren(...facts.flatMap(([term, text]) => [filled('dt', term!), filled('dd', text!)]));
  at('carried').replaceChildren(...(shown?.carried ?? []).map((text) => filled('li', text)));
}

/** A status in words, such as “Running”. */
function words(status: string): string {
  return `${status.slice(0, 1)}${status.slice(1).toLowerCase()}`;
}

function filled(tag: string, text: string): HTMLElement {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}

/** Asks the backend. */
async function ask(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<unknown> {
  const headers: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
  if (name !== undefined) {
    try {
      headers['authorization'] = `Bearer ${await signIn!.jwt()}`;
    } catch (error) {
      if (error instanceof SignedOutError) throw new Refused(signedOut);
      throw error;
    }
  }
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(path, { method, headers, ...sent, cache: 'no-store' }).catch(() => undefined);
  const answer = (await response?.json().catch(() => undefined)) as (Explanation & { parameter?: string }) | undefined;
  if (response?.ok === true) return answer;
  if (answer?.what === undefined) {
    throw new Refused({ what: 'The demo’s backend does not answer.', why: 'It is not running, or not yet.', next: '“make demo” starts it.' });
  }
  throw new Refused(response?.status === 401 ? { ...answer, field: 'sign-in' } : answer);
}

const signedOut: Explanation = {
  what: 'Your sign-in has ended.',
  why: 'Your provider gives no new access token until you sign in again.',
  next: 'Sign in again. This page stays as it is.',
  field: 'sign-in',
};

/** Shows a refusal. The rest of the page stays as it is. */
function tell(error: unknown): Explanation {
  const explanation = error instanceof Refused ? error.explanation : { what: 'This page failed.', why: String(error), next: 'Load it again.' };
  explain('final', explanation);
  write('bad', explanation.what, explanation.why);
  return explanation;
}

async function start(): Promise<void> {
  clearAll(form);
  explain('final', undefined);
  const empty = firstEmpty(form);
  if (empty !== undefined) {
    mark(empty, 'This field must not be empty.');
    return;
  }
  if (signIn !== undefined && name === undefined) {
    await leave(true);
    return;
  }
  const asked = { channel: value('channel'), product: value('product') };
  state('fetching', 'Starting…');
  write('plain', `Asked the backend for an agent in the channel ${asked.channel}.`);
  try {
    show((await ask('POST', '/agents', asked)) as Agent);
  } catch (error) {
    const { what, why, parameter, field } = tell(error);
    state('failed', 'No agent');
    if (field === 'sign-in') at('again').focus();
    else if (parameter !== undefined && document.getElementById(parameter) !== null) mark(parameter, `${what} ${why}`);
    else at('start').focus({ preventScroll: true });
    return;
  }
  state('in', words(agent!.status));
  if (name !== undefined) write('good', 'The token service says that you may publish in this channel. So you may start an agent here.');
  write('good', 'The backend got a token for the agent from the token service.');
  write('good', `The stand-in verified the token. The agent’s status is ${agent!.status}.`);
  at('stop').focus({ preventScroll: true });
}

async function stop(): Promise<void> {
  if (agent === undefined) return;
  explain('final', undefined);
  const { agent_id, status } = agent;
  state('fetching', 'Stopping…');
  try {
    await ask('DELETE', `/agents/${agent_id}`);
  } catch (error) {
    tell(error);
    state('in', words(status));
    return;
  }
  gone('The agent has stopped.');
  at('start').focus({ preventScroll: true });
  await resume();
}

function gone(words: string): void {
  show(undefined);
  state('out', 'Stopped');
  write('plain', words);
}

/** Shows an agent that this user started before, such as in another tab. */
async function resume(): Promise<void> {
  if (signIn !== undefined && name === undefined) {
    // Nobody is signed in yet. But if the backend lacks a setting, its answer says so, and the page shows it.
    await ask('GET', '/agents').catch((error) => {
      if (error instanceof Refused && error.explanation.field === 'sign-in') return;
      tell(error);
    });
    return;
  }
  try {
    const { agents } = (await ask('GET', '/agents')) as { agents: Agent[] };
    if (agents[0] === undefined) return;
    show(agents[0]);
    state('in', words(agents[0].status));
    write('plain', `An agent that you started before runs in the channel ${agents[0].channel}.`);
  } catch (error) {
    tell(error);
  }
}

/** Asks whether the agent still runs. */
async function look(): Promise<void> {
  const looked = agent;
  if (looked === undefined || at('status').dataset['state'] !== 'in') return;
  try {
    const now = (await ask('GET', `/agents/${looked.agent_id}`)) as Agent;
    if (agent !== looked) return;
    if (now.status === 'FAILED') gone('The agent has failed. It has left the channel.');
    else if (ENDED.includes(now.status)) gone('The agent has left the channel, because its token has ended.');
    else if (now.status !== looked.status) {
      show(now);
      state('in', words(now.status));
    }
  } catch (error) {
    if (agent === looked) tell(error);
  }
}

/** Goes to the provider. The page comes back with the same fields. */
async function leave(thenStart: boolean): Promise<void> {
  const query = asQuery(form);
  if (thenStart) {
    const once = crypto.randomUUID();
    sessionStorage.setItem(START, once);
    query.set(START, once);
  }
  try {
    await signIn!.leave(`${location.pathname}?${query}`);
  } catch (error) {
    tell(new Refused(explainProvider(error)));
  }
}

async function showWho(): Promise<void> {
  name = await signIn?.name();
  at('who').hidden = signIn === undefined;
  at('who-name').textContent = name === undefined ? 'You are not signed in.' : `Signed in as ${name}`;
  at('sign-in').hidden = name !== undefined;
  at('sign-out').hidden = name === undefined;
}

async function signInAgain(): Promise<void> {
  let opened: boolean;
  try {
    opened = await signIn!.again();
  } catch (error) {
    write('bad', 'You are not signed in again.', error instanceof Error ? error.message : String(error));
    return;
  }
  if (!opened) {
    await leave(false);
    return;
  }
  await showWho();
  explain('final', undefined);
  write('good', 'Signed in again.');
  show(undefined);
  state('out', 'No agent');
  await resume();
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  void start();
});
at('stop').addEventListener('click', () => void stop());
at('sign-in').addEventListener('click', () => void leave(false));
at('sign-out').addEventListener('click', () => void signIn?.out());
at('again').addEventListener('click', () => void signInAgain());
setInterval(() => void look(), EVERY);

/** Whether the user asked for an agent before the sign-in. The value is good once: a page that is loaded again starts no agent by itself. */
function askedBefore(): boolean {
  const query = new URLSearchParams(location.search);
  const [said, kept] = [query.get(START), sessionStorage.getItem(START)];
  sessionStorage.removeItem(START);
  if (said === null) return false;
  query.delete(START);
  history.replaceState(null, '', `${location.pathname}?${query}`);
  return said === kept;
}

state('out', 'No agent');
const askedFor = askedBefore();
signIn = await SignIn.here();
await showWho();
await resume();
if (askedFor && name !== undefined && agent === undefined) await start();
