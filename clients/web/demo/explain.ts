import { TokenError } from '../src/index.js';
import { OpaqueTokenError } from './sign-in.js';
import type { Vendor } from './service.js';

/** What happened, why, and what to do next, in plain words. */
export interface Explanation {
  readonly what: string;
  readonly why: string;
  readonly next: string;
  /** The rule or the code, in the words of the service or the SDK. */
  readonly detail?: string;
  /** The service's parameter that the refusal is about. */
  readonly parameter?: string;
  /** The service's rule for this parameter. */
  readonly rule?: string;
  /** The field of every page that the refusal is about, or the sign-in. */
  readonly field?: 'jwt' | 'service' | 'sign-in';
}

/** What a failed request for a token means. `signsIn`: the page has a sign-in, and no field for a JWT. */
export function explainToken(error: TokenError, signsIn = false): Explanation {
  const { reason, status, problem } = error;
  const said = [status, problem?.detail ?? problem?.title, problem?.request_id && `request ${problem.request_id}`];
  const detail = said.filter((part) => part !== undefined && part !== '').join(' · ');
  const named = /^(?<parameter>[a-z_]+): (?<rule>.+)$/s.exec(problem?.detail ?? '')?.groups;
  const about = (what: string, why: string, next: string, field?: 'jwt' | 'service' | 'sign-in'): Explanation => ({
    what,
    why,
    next,
    ...(detail === '' ? {} : { detail }),
    ...(field === undefined ? {} : { field }),
  });
  const again = 'This page tries again by itself.';
  switch (reason) {
    case 'network':
      return about(
        'The token service did not answer.',
        'It is not running, this device is offline, or the service does not allow pages from this address.',
        `${again} “make demo” starts the service. A deployed service needs this page’s address in AllowedOrigins.`,
      );
    case 'timeout':
      return about('The token service took too long.', 'No whole answer came within ten seconds.', again);
    case 'bad-answer':
      return about(
        'The answer holds no token.',
        'Another server answered: a wrong address, or the log-in page of a public Wi-Fi.',
        `${again} Check the address of the token service.`,
      );
    case 'no-jwt':
      if (error.cause instanceof OpaqueTokenError) {
        return about(
          'Your provider’s access token is not a JWT.',
          'It is opaque: nobody but the provider can read it. Some providers give such a token unless an audience is asked for.',
          'Start the demo with the audience of your API: JWT_AUDIENCE=… make demo.',
        );
      }
      if (signsIn) {
        return about('Your sign-in has ended.', 'Your provider gives no new access token until you sign in again.', 'Sign in again. This page stays as it is.', 'sign-in');
      }
      return about('Your JWT cannot be used.', 'The text in the JWT field is not a JWT.', 'Paste the access token of your identity provider. A local run needs none: leave the field empty.', 'jwt');
    case 'stopped':
      return about('You logged out.', 'So the token is not renewed any more.', 'Log in again to go on.');
  }
  switch (status) {
    case 400: {
      const refused = about(
        'The service refused a value.',
        named === undefined ? 'A value breaks one of the vendor’s rules.' : 'It breaks the rule below.',
        'Correct the value and log in again.',
      );
      return { ...refused, ...named };
    }
    case 401:
      if (signsIn) {
        return about(
          'The service does not believe your access token.',
          'It has ended, or its issuer or audience is another one. The service’s log names the rule.',
          'Sign in again. If that does not help, compare JWT_ISSUER and JWT_AUDIENCE with the token.',
          'sign-in',
        );
      }
      return about(
        'The service does not know who you are.',
        'The JWT is missing, has expired, or comes from another issuer.',
        'Paste a new JWT into its field. To use your own JWT, start the local run with IDENTITY=jwt. A plain `make run` needs no JWT.',
        'jwt',
      );
    case 403:
      return {
        ...about('You may not have this token.', named === undefined ? 'This identity may not ask for it.' : 'The rule below forbids it.', 'Use your own user id, or “me”. Or ask for the room or the role.'),
        ...named,
      };
    case 404:
    case 405:
      return about('There is no token service at this address.', 'The server that answered has no such route.', 'Check the address. If the service has a stage, the address ends with it.', 'service');
    case 413:
      return about('The request is too large.', 'The service takes at most 8 KiB.', 'Name fewer streams.');
    case 429:
      // Compare the title, because the tutorial's route says nothing else. The gateway answers with other words.
      return problem?.title === 'This caller got too many tokens.'
        ? about(
            'You got too many tokens in a minute.',
            'The service limits how many tokens one user gets in a minute (MINTS_PER_MINUTE).',
            `${again} Your other pages and devices count, too.`,
          )
        : about('The service gets too many requests.', 'The gateway limits the requests of all callers together.', again);
    case 502:
    case 504:
      return about('The token service is not running yet.', 'Nothing answers behind this address. The first build takes some minutes.', `${again} “make demo” starts the service beside these pages.`);
    case 503:
      return about('The service has no credentials of this vendor.', 'Its secret is missing or malformed. The service’s log says which.', `${again} Add the credentials; no restart is needed.`);
    default:
      return reason === 'refused'
        ? about('The service refused.', 'The line below says why.', 'Asking again would not help.')
        : about('The service made a mistake.', 'Its log has the reason under the request’s id.', again);
  }
}

const NEW_TOKEN = 'Log in again. The page then fetches a new token.';
const OTHER_SECRET = 'Check that the service’s server secret belongs to this app id.';

/** The vendors' codes, as their documents give them. */
const CODES: Record<string, readonly [what: string, why: string, next: string]> = {
  '109': ['The token has expired.', 'Its lifetime is over.', NEW_TOKEN],
  '110': ['Agora refused the token.', 'It is for another channel, uid or app id, or signed with another certificate.', 'Check that the service’s certificate belongs to this app id.'],
  '-10005': ['Agora refused the token.', 'It is for another user, or signed with another certificate.', 'Check that the service’s certificate belongs to this app id.'],
  '-10009': ['The token has expired.', 'Its lifetime is over.', NEW_TOKEN],
  '1002033': ['ZEGO refused the log-in.', 'The token does not fit the app id.', OTHER_SECRET],
  '1002074': ['ZEGO refused the token.', 'It does not fit the app id.', OTHER_SECRET],
  '1002075': ['ZEGO cannot read the token.', 'It was made with another server secret.', OTHER_SECRET],
  '1002076': ['ZEGO refused the token.', 'It is for another app id.', 'Give the service and the page the same ZEGO project.'],
  '1002077': ['ZEGO refused the token.', 'It is for another user.', 'Log in as the user of the token.'],
  '1002078': ['The token has expired.', 'Its lifetime is over.', NEW_TOKEN],
  '1002079': ['ZEGO refused the token.', 'The SDK is too old for this version of token.', 'Use a current SDK.'],
  '1002080': ['ZEGO refused the token.', 'It was used before.', NEW_TOKEN],
  '1102016': ['ZEGO refused the token.', 'It does not fit the app id.', OTHER_SECRET],
  '1102018': ['The token has expired.', 'Its lifetime is over.', NEW_TOKEN],
  '6000101': ['ZIM refused the log-in.', 'ZIM is not switched on for this app id, or the user id is wrong.', 'Switch ZIM on in ZEGO’s console.'],
  '6000103': ['ZIM refused the token.', 'It is for another user, or made with another server secret.', OTHER_SECRET],
  '6000104': ['ZIM did not answer.', 'Your token is good. The connection to ZEGO failed.', 'Check that this network allows connections to ZEGO.'],
  '6000105': ['ZIM took too long to answer.', 'Your token is good. The connection to ZEGO failed.', 'Check that this network allows connections to ZEGO.'],
  '6000106': ['ZIM’s SDK takes the token for expired.', 'It compares the token with this device’s clock.', 'Check the clock. If it is right, log in again.'],
  '6000107': ['ZIM refused the token.', 'The SDK is too old for this version of token.', 'Use a current SDK.'],
  '6000108': ['The token lives too short for ZIM.', 'By this device’s clock it ends within 30 seconds.', 'Choose a longer life for the token, and check the clock.'],
};
/** Those that an SDK finds by itself on this device: true for any project's credentials. */
const FOUND_HERE = new Set(['109', '-10009', '1002078', '1102018', '6000106', '6000108']);

/** Why no log-in with the built-in credentials can succeed. Known from the app id, so no guess is needed. */
function explainDemo(vendor: Vendor): Explanation {
  return {
    what: `You are not logged in at ${vendor}.`,
    why: `The token is good, but it is for the demo app id. This app id belongs to no project, so ${vendor} lets nobody in.`,
    next: 'Start the service with your own project’s credentials.',
  };
}

/** What a failed log-in with a vendor's SDK means. The token is there, and good. `demo`: it is for the built-in app id. */
export function explainSdk(vendor: Vendor, error: unknown, demo: boolean): Explanation {
  const told = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>;
  const code = String(told['errorCode'] ?? told['code'] ?? told['type'] ?? '');
  const words = String(told['message'] ?? told['msg'] ?? told['reason'] ?? (typeof error === 'string' ? error : ''));
  const name = [...new Set([code, words.slice(0, 300)])].filter((part) => part !== '' && part !== '[object Object]').join(' · ');
  const detail = name === '' ? {} : { detail: `${vendor}’s SDK says: ${name}` };
  const known = Object.entries(CODES).find(([known]) => known === code || (known.length > 3 && words.includes(known)));
  if (demo && !(known !== undefined && FOUND_HERE.has(known[0]))) return { ...explainDemo(vendor), ...detail };
  if (known !== undefined) {
    const [what, why, next] = known[1];
    return { what, why, next, ...detail };
  }
  return {
    what: `You are not logged in at ${vendor}.`,
    why: `The token is good, but the log-in failed: ${vendor} refused it, or the connection failed.`,
    next: `Check that the service’s credentials belong to your project, and that this network allows connections to ${vendor}.`,
    ...detail,
  };
}

/** The sign-in did not begin. */
export function explainProvider(error: unknown): Explanation {
  return {
    what: 'Your provider does not answer.',
    why: 'These pages cannot read its configuration, or it does not allow them to.',
    next: 'Check JWT_ISSUER, and that the provider allows this page’s address.',
    detail: String(error),
  };
}

/** What it means that the SDK is silent for so many seconds. */
export function explainSilence(vendor: Vendor, seconds: number, demo: boolean): Explanation {
  if (demo) return explainDemo(vendor);
  return {
    what: `${vendor} has not answered for ${seconds} seconds.`,
    why: 'The token is good. The SDK is still trying.',
    next: `Wait, or check that this network allows connections to ${vendor}.`,
  };
}
