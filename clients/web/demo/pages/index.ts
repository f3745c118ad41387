// Says on the start page whether there is a token service, and hands on to each page what the URL says.
export {};

const asked = new URLSearchParams(location.search);
for (const link of document.querySelectorAll<HTMLAnchorElement>('a.card')) link.search = asked.toString();

const state = document.getElementById('service-state')!;
const service = (asked.get('service') ?? '/api').replace(/\/+$/, '');

function say(kind: 'good' | 'warn' | 'bad', words: string): void {
  state.dataset['state'] = kind;
  state.textContent = words;
}

try {
  const response = await fetch(`${service}/rtm/demo/token`, { cache: 'no-store', credentials: 'omit', signal: AbortSignal.timeout(10_000) });
  if (response.ok) say('good', `The token service at ${service} answers.`);
  else if (response.status === 401) say('good', `The token service at ${service} answers, and wants to know who you are: the pages have a field for the JWT.`);
  else if (response.status === 503) say('warn', `The service at ${service} answers, but has no credentials of Agora’s yet: its log says why.`);
  else say('bad', `What is at ${service} answers with status ${response.status}. “make demo” starts the token service beside these pages.`);
} catch {
  say('bad', `Nothing answers at ${service}. “make demo” starts the token service beside these pages; ?service=… says another.`);
}
