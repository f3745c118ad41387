// How a page reports: the log of what happened, and the explanation of what went wrong.
import type { Explanation } from './explain.js';
import { at } from './page.js';

/** Adds a line to the log. */
export function write(kind: 'plain' | 'good' | 'retry' | 'bad', words: string, detail = ''): void {
  const item = document.createElement('li');
  item.dataset['kind'] = kind;
  const time = document.createElement('time');
  const now = new Date();
  time.dateTime = now.toISOString();
  time.textContent = now.toTimeString().slice(0, 8);
  const text = document.createElement('span');
  text.textContent = words;
  if (detail !== '') {
    const small = document.createElement('small');
    small.textContent = detail;
    text.append(small);
  }
  item.append(time, text);
  at('log-items').append(item);
  at('log-empty').hidden = true;
  while (at('log-items').childElementCount > 200) at('log-items').firstElementChild?.remove();
  at('log').scrollTop = at('log').scrollHeight;
}

/** Shows what went wrong, or nothing. */
export function explain(kind: 'retry' | 'final', explanation: Explanation | undefined): void {
  at('problem').hidden = explanation === undefined;
  if (explanation === undefined) return;
  at('problem').dataset['kind'] = kind;
  const { what, why, next, detail = '' } = explanation;
  for (const [id, words] of Object.entries({ what, why, next, detail })) {
    // A screen reader must not read the same text aloud again.
    const element = at(`problem-${id}`);
    if (element.textContent !== words) element.textContent = words;
  }
  at('problem-detail').hidden = detail === '';
  at('again').hidden = explanation.field !== 'sign-in';
  // On a phone, the explanation is below the form.
  at('problem').scrollIntoView({ block: 'nearest' });
}
