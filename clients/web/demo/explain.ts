import { TokenError } from '../src/index.js';

/** What went wrong, and what to do, in words for whoever looks at the page. */
export interface Explanation {
  readonly title: string;
  readonly todo: string;
  /** For whoever reads a log. */
  readonly detail?: string;
}

/** What a failed request for a token means. */
export function explainToken(error: TokenError): Explanation {
  const { reason, status, problem } = error;
  const said = [status, problem?.detail ?? problem?.title, problem?.request_id && `request ${problem.request_id}`];
  const detail = said.filter((part) => part !== undefined && part !== '').join(' · ');
  const about = (title: string, todo: string): Explanation => ({ title, todo, ...(detail === '' ? {} : { detail }) });
  if (reason === 'network') {
    return about('The token service cannot be reached.', 'Is this device online, and does the service run? “make demo” starts both. From another origin the service must allow this one (AllowedOrigins).');
  }
  if (reason === 'timeout') return about('The token service does not answer in time.', 'The network is slow or in the way. It is tried again by itself.');
  if (reason === 'bad-answer') return about('Something else answered.', 'What came is no token. Check the service’s address; on public Wi-Fi, log in to the network first.');
  if (reason === 'no-jwt') return about('There is no identity to ask with.', 'What stands in the JWT field is no JWT. Paste the access token of your identity provider, or leave it empty for a local run.');
  if (reason === 'stopped') return about('Logged out.', 'Log in again to go on.');
  switch (status) {
    case 400:
      return about('The service does not take this.', 'A field breaks one of the vendor’s rules. The line below names it.');
    case 401:
      return about('The service does not know who you are.', 'Sign in again: the JWT is missing, expired, or not from the service’s issuer. A local run with AUTH=jwt answers every page so.');
    case 403:
      return about('You may not have this token.', 'It is for another user, or for a room or role that you were not granted. Use your own user id (or “me”), or ask for the room.');
    case 404:
    case 405:
      return about('Nothing is served at this address.', 'Check the service’s address, with its stage if it has one.');
    case 413:
      return about('The request is too large.', 'Name fewer streams.');
    case 429:
      return about('Too many requests.', 'The service asks to be left alone for a moment. It is tried again by itself.');
    case 502:
    case 504:
      return about('Nothing answers behind this address.', 'Is the token service running? “make demo” starts it beside these pages. It is tried again by itself.');
    case 503:
      return about('The service has no credentials of the vendor yet.', 'It is tried again by itself. If it stays so, the service’s log says which secret is missing or malformed.');
    default:
      return about(
        reason === 'refused' ? 'The service refuses.' : 'The service has a fault.',
        reason === 'refused' ? 'Asking again would not help. The line below says why.' : 'It is tried again by itself. The service’s log has the reason under the request’s id.',
      );
  }
}

/** The vendors' codes, as their documents give them. */
const CODES: Record<string, [string, string]> = {
  '109': ['The token has expired.', 'Log in again: a new one is fetched.'],
  '110': ['The token does not fit.', 'It is for another channel, uid or app id than the client joins with, or signed with another certificate.'],
  '-10005': ['Agora says that the token is invalid.', 'Is the service’s certificate that of this app id, and the user the one the token is for?'],
  '-10009': ['The token has expired.', 'Log in again: a new one is fetched.'],
  '1002033': ['ZEGO refused the log-in.', 'Is the server secret that of this app id?'],
  '1002074': ['ZEGO refused the token.', 'Is the server secret that of this app id?'],
  '1002075': ['ZEGO cannot read the token.', 'Is the server secret that of this app id?'],
  '1002076': ['The token is for another app id.', 'The service and the page must have the same ZEGO project.'],
  '1002077': ['The token is for another user.', 'Log in as the user whom the token is for.'],
  '1002078': ['The token has expired.', 'Log in again: a new one is fetched.'],
  '1002079': ['ZEGO does not know this version of token.', 'Use a current SDK.'],
  '1002080': ['ZEGO has seen this token’s nonce before.', 'Log in again: a new one is fetched.'],
  '1102016': ['ZEGO refused the token.', 'Is the server secret that of this app id?'],
  '1102018': ['The token has expired.', 'Log in again: a new one is fetched.'],
  '6000101': ['ZIM could not log in.', 'Is the app id one for which ZIM is switched on, and the user’s own?'],
  '6000103': ['ZIM says that the token is invalid.', 'Is the server secret that of this app id, and the user the one the token is for?'],
  '6000104': ['ZIM cannot be reached.', 'The token is good and is kept fresh. Is this network allowed to reach ZEGO?'],
  '6000105': ['ZIM does not answer in time.', 'The token is good and is kept fresh. Is this network allowed to reach ZEGO?'],
  '6000106': ['ZIM takes the token for expired.', 'ZIM’s SDK looks at this device’s clock: is that right? Otherwise log in again.'],
  '6000107': ['ZIM does not know this version of token.', 'Use a current SDK.'],
  '6000108': ['The token is too short-lived for ZIM.', 'ZIM wants 30 seconds or more by this device’s clock. Choose a longer lifetime, and set the clock.'],
};

/** What a failed log-in with a vendor's SDK means. The token is there, and good. */
export function explainSdk(vendor: string, error: unknown): Explanation {
  const told = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>;
  const code = String(told['errorCode'] ?? told['code'] ?? told['type'] ?? '');
  const words = String(told['message'] ?? told['msg'] ?? told['reason'] ?? (typeof error === 'string' ? error : ''));
  const name = [...new Set([code, words.slice(0, 300)])].filter((part) => part !== '' && part !== '[object Object]').join(' · ');
  const detail = name === '' ? {} : { detail: `${vendor}: ${name}` };
  const known = Object.entries(CODES).find(([known]) => known === code || (known.length > 3 && words.includes(known)));
  if (known !== undefined) return { title: known[1][0], todo: known[1][1], ...detail };
  return {
    title: `${vendor} cannot be reached, or refuses.`,
    todo: `The token is good and is kept fresh, but the log-in at ${vendor} failed. Is this network allowed to reach ${vendor}? With the local demo credentials ${vendor} refuses every token: put your project’s own into LOCAL_CREDENTIALS.`,
    ...detail,
  };
}
