// What the page shows of a token, and how somebody takes it along.
import type { Answer } from '../src/index.js';
import { at } from './page.js';

const SHOWN = ['kind', 'app_id', 'user_id', 'uid', 'account', 'channel', 'room_id', 'role', 'version'];

/** What the answer says. Of the token only the beginning is shown. */
export function showAnswer(answer: Answer | undefined): void {
  at('says').hidden = answer === undefined;
  at('token-field').hidden = true;
  at<HTMLInputElement>('token-text').value = '';
  at('copied').textContent = '';
  const list = at('facts');
  list.replaceChildren();
  if (answer === undefined) return;
  const { token, ...rest } = answer as Answer & Record<string, unknown>;
  const facts = SHOWN.filter((name) => rest[name] !== undefined).map((name): [string, unknown] => [name, rest[name]]);
  for (const [name, value] of [['token', `${token.slice(0, 8)}… (${token.length} characters)`] as [string, unknown], ...facts]) {
    const term = document.createElement('dt');
    term.textContent = name;
    const said = document.createElement('dd');
    const code = document.createElement('code');
    code.textContent = String(value);
    said.append(code);
    list.append(term, said);
  }
}

/** Copies the token. If the browser does not let the page do it, a field shows it to be copied by hand. */
export async function copy(token: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(token);
    at('copied').textContent = 'Copied.';
  } catch {
    const field = at<HTMLInputElement>('token-text');
    at('token-field').hidden = false;
    field.value = token;
    field.focus();
    field.select();
    at('copied').textContent = '';
  }
}
