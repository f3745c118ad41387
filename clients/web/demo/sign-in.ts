// Signs a user in at an OpenID provider (authorization code with PKCE), and keeps the access token fresh.
import { User, UserManager } from 'oidc-client-ts';

/** Where the pages' own server says which provider they sign in at. Without it, nobody signs in. */
const SETTINGS = './sign-in.json';
/** The page that the provider sends the browser back to. */
const BACK = './signed-in.html';
/** An access token with less time left is replaced before it is sent, in seconds. */
const NEARLY_OVER = 10;

interface Settings {
  readonly issuer: string;
  readonly client_id: string;
  readonly scope: string;
  /** For providers that give an opaque access token unless they are asked for an audience, such as Auth0. */
  readonly audience?: string;
  /** Whether the service has the built-in credentials. */
  readonly demo_credentials: boolean;
}

/** Nobody is signed in any more. The user must sign in at the provider again. */
export class SignedOutError extends Error {}

/** The access token is not a JWT, so no service can read it. */
export class OpaqueTokenError extends Error {}

/** The sign-in of these pages. */
export class SignIn {
  readonly #manager: UserManager;
  /** Whether the service has the built-in credentials, which belong to no project. */
  readonly demoCredentials: boolean;

  private constructor(settings: Settings) {
    this.demoCredentials = settings.demo_credentials;
    const back = new URL(BACK, location.href).href;
    this.#manager = new UserManager({
      authority: settings.issuer,
      client_id: settings.client_id,
      redirect_uri: back,
      silent_redirect_uri: back,
      popup_redirect_uri: back,
      post_logout_redirect_uri: new URL('./index.html', location.href).href,
      response_type: 'code',
      scope: settings.scope,
      ...(settings.audience === undefined ? {} : { extraQueryParams: { audience: settings.audience } }),
      // We ask for a new access token when one is needed, and not at any other time.
      automaticSilentRenew: false,
      silentRequestTimeoutInSeconds: 10,
    });
  }

  /** `undefined`: these pages have no sign-in. */
  static async here(): Promise<SignIn | undefined> {
    const answer = await fetch(SETTINGS, { cache: 'no-store' }).catch(() => undefined);
    if (answer?.ok !== true) return undefined;
    const settings = (await answer.json().catch(() => undefined)) as Partial<Settings> | undefined;
    return settings?.issuer === undefined ? undefined : new SignIn(settings as Settings);
  }

  /** The name of the signed-in user, if there is one. An access token that has expired changes nothing. */
  async name(): Promise<string | undefined> {
    return (await this.#manager.getUser())?.profile.sub;
  }

  /** An access token that is still good. The provider gives a new one without a question while its own session lasts. */
  async jwt(): Promise<string> {
    let user = await this.#manager.getUser();
    const left = user?.expires_in ?? 0;
    if (user !== null && left < NEARLY_OVER) {
      const fresh = await this.#manager.signinSilent().catch((error: unknown) => error);
      if (fresh instanceof User) user = fresh;
      // The older one is good for some seconds more.
      else if (left <= 0) throw new SignedOutError('the provider gave no new access token', { cause: fresh });
    }
    if (user === null) throw new SignedOutError('nobody is signed in');
    if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(user.access_token)) throw new OpaqueTokenError('the access token is not a JWT');
    return user.access_token;
  }

  /** Leaves for the provider. Afterwards the browser opens `page`. */
  async leave(page: string): Promise<void> {
    await this.#manager.signinRedirect({ state: page });
  }

  /** Signs in again in a window of its own, so that this page stays as it is. `false`: the browser allows no window. */
  async again(): Promise<boolean> {
    const opened = await this.#manager.signinPopup({ popupWindowFeatures: { width: 480, height: 640 } }).catch((error: unknown) => {
      if (error instanceof Error && /popup|window/i.test(error.message) && !/closed/i.test(error.message)) return undefined;
      throw error;
    });
    return opened !== undefined;
  }

  /** Forgets the user here, and at the provider. */
  async out(): Promise<void> {
    await this.#manager.signoutRedirect();
  }

  /** On the page that the provider sends the browser back to: takes the answer. Returns the page to open. */
  async arrive(): Promise<string | undefined> {
    const user = await this.#manager.signinCallback();
    return typeof user?.state === 'string' ? user.state : undefined;
  }
}
