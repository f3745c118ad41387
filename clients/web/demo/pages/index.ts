// Says on the start page whether there is a token service, and hands on to each page what the URL says.
export {};

const asked = new URLSearchParams(location.search);
for (const link of document.querySelectorAll<HTMLAnchorElement>('a.card')) link.search = asked.toString();

const state = document.getElementById('service-state')!;
const service = (asked.get('service') ?? '/api').replace(/\/+$/, '');

function say(kind: 'good' | 'warn' | 'bad', words: string): void {
  // Said once, not every time: it is read aloud.
  if (state.textContent === words) return;
  state.dataset['state'] = kind;
  state.textContent = words;
}

/** Whether it is worth asking again: beside these pages the service may still be building. */
async function ask(): Promise<boolean> {
  try {
    const response = await fetch(`${service}/rtm/demo/token`, { cache: 'no-store', credentials: 'omit', signal: AbortSignal.timeout(10_000) });
    if (response.ok) {
      say('good', `The token service at ${service} answers.`);
    } else if (response.status === 401) {
      say('good', `The token service at ${service} answers, and wants to know who you are: the pages have a field for the JWT.`);
    } else if (response.status === 503) {
      say('warn', `The service at ${service} answers, but has no credentials of Agora’s yet: its log says why.`);
      return true;
    } else if (response.status === 502 || response.status === 504) {
      say('warn', `Nothing answers behind ${service} yet. “make demo” starts the token service beside these pages, and the first time builds it for some minutes.`);
      return true;
    } else {
      say('bad', `What is at ${service} answers with status ${response.status}. “make demo” starts the token service beside these pages.`);
    }
    return false;
  } catch {
    say('bad', `Nothing answers at ${service}. “make demo” starts the token service beside these pages; ?service=… says another.`);
    return true;
  }
}

while (await ask()) await new Promise((done) => setTimeout(done, 3_000));
