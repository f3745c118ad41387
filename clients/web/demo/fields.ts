// The form's fields: how one is made, and how a refused one is marked.

export interface Field {
  readonly id: string;
  readonly label: string;
  readonly value: string;
  readonly hint?: string;
  /** What can be chosen. The URL may say another value. */
  readonly options?: readonly (readonly [value: string, label: string])[];
  readonly optional?: boolean;
}

/** What stands in a field. */
export type Value = (id: string) => string;

export const USER: Field = { id: 'user', label: 'User id', value: 'alice', hint: 'Your own. With a JWT, “me” is the user of the JWT.' };

/** How long the token shall live; this many seconds at first. */
export const lifetimes = (first: string): Field => ({
  id: 'lifetime',
  label: 'Life of the token',
  value: first,
  options: [
    ['60', '1 minute'],
    ['120', '2 minutes'],
    ['600', '10 minutes'],
    ['3600', '1 hour'],
    ['86400', '1 day'],
  ],
});

/** The field of each of the service's parameters. */
const FIELD_OF: Record<string, string> = {
  user_id: 'user',
  uid: 'user',
  account: 'user',
  channel: 'room',
  room_id: 'room',
  role: 'role',
  publish: 'scope',
  login: 'scope',
  privileges: 'scope',
  expires_in: 'lifetime',
};

/** The page's field for a parameter, where it has one. */
export function fieldOf(parameter: string): string | undefined {
  const id = FIELD_OF[parameter];
  return id !== undefined && document.getElementById(id) !== null ? id : undefined;
}

type Input = HTMLInputElement | HTMLSelectElement;

/** A field with its label, its hint, and a place for what is wrong with it. */
export function labelled(field: Field): HTMLElement {
  const block = document.createElement('div');
  block.className = 'field';
  const label = document.createElement('label');
  label.htmlFor = field.id;
  label.textContent = field.label;
  if (field.optional === true) label.insertAdjacentHTML('beforeend', ' <span class="optional">(optional)</span>');
  const input = makeInput(field);
  input.id = input.name = field.id;
  const error = part(`${field.id}-error`, 'error', '');
  error.hidden = true;
  block.append(label, input, error);
  if (field.hint !== undefined) block.append(part(`${field.id}-hint`, 'hint', field.hint));
  clear(input, block);
  // Somebody corrects it.
  input.addEventListener('input', () => clear(input, block));
  return block;
}

/** Marks a field as refused, opens what hides it, and puts the keyboard there. */
export function mark(id: string, words: string): void {
  const input = document.getElementById(id) as Input;
  const error = document.getElementById(`${id}-error`)!;
  error.textContent = words;
  error.hidden = false;
  input.setAttribute('aria-invalid', 'true');
  const hint = document.getElementById(`${id}-hint`);
  input.setAttribute('aria-describedby', [error.id, ...(hint === null ? [] : [hint.id])].join(' '));
  const hiding = input.closest('details');
  if (hiding !== null) hiding.open = true;
  input.focus();
}

/** What stands in the fields, for a link to this page. Without the JWT: it goes into no address. */
export function asQuery(form: HTMLFormElement): URLSearchParams {
  const fields = [...form.querySelectorAll<Input>('input[name], select[name]')].filter(({ id }) => id !== 'jwt');
  return new URLSearchParams(fields.map(({ id, value }) => [id, value]));
}

/** Takes all marks away. */
export function clearAll(form: HTMLFormElement): void {
  for (const input of form.querySelectorAll<Input>('[aria-invalid]')) clear(input, input.closest('.field')!);
}

/** The first field that is empty and must not be. */
export function firstEmpty(form: HTMLFormElement): string | undefined {
  return [...form.querySelectorAll<Input>('[required]')].find((input) => input.value.trim() === '')?.id;
}

function clear(input: Input, block: Element): void {
  input.removeAttribute('aria-invalid');
  block.querySelector<HTMLElement>('.error')!.hidden = true;
  const hint = block.querySelector('.hint');
  if (hint === null) input.removeAttribute('aria-describedby');
  else input.setAttribute('aria-describedby', hint.id);
}

function makeInput(field: Field): Input {
  const said = new URLSearchParams(location.search).get(field.id);
  // A link may fill every field but the JWT: nobody says for others who they are.
  const value = field.id === 'jwt' ? '' : (said ?? field.value);
  if (field.options === undefined) {
    const input = document.createElement('input');
    input.value = value;
    input.required = field.optional !== true;
    input.autocapitalize = 'none';
    input.spellcheck = false;
    input.autocomplete = 'off';
    return input;
  }
  const select = document.createElement('select');
  const known = field.options.some(([option]) => option === value);
  for (const [option, words] of known ? field.options : [...field.options, [value, value] as const]) select.add(new Option(words, option));
  select.value = value;
  return select;
}

function part(id: string, name: string, words: string): HTMLElement {
  const element = document.createElement('p');
  element.id = id;
  element.className = name;
  element.textContent = words;
  return element;
}
