import type { Answer } from '../answers.js';
import { type Session, session, type SessionOptions, type TokenSource } from './session.js';

export type { Session, SessionOptions, TokenSource };

/** What the adapter uses of the client of `agora-rtm-sdk` 1.x. */
export interface AgoraRtm1Client {
  login(options: { uid: string; token: string }): Promise<void>;
  logout(): Promise<void>;
  renewToken(token: string): Promise<void>;
  // The SDK's type doesn't say which arguments its listeners get.
  on(event: Rtm1Event, listener: (...args: any[]) => void): unknown;
  off(event: Rtm1Event, listener: (...args: any[]) => void): unknown;
}

type Rtm1Event = 'TokenPrivilegeWillExpire' | 'TokenExpired' | 'ConnectionStateChanged';

/**
 * Logs in to RTM 1.x, and stays logged in.
 *
 * @param uid the user that the token is for.
 * @param keeper a keeper for {@link fetchRtm} or for {@link rtm} with version `006`. From SDK 1.5.0 on: for any RTM
 *   token.
 */
export function logInToAgoraRtm1(
  client: AgoraRtm1Client,
  uid: string,
  keeper: TokenSource<Answer>,
  options: SessionOptions = {},
): Promise<Session> {
  let warning: () => void;
  let state: (state: string, reason: string) => void;
  return session(keeper, options, {
    logIn: ({ token }) => client.login({ uid, token }),
    renew: ({ token }) => client.renewToken(token),
    listen: (warned, expired) => {
      // This SDK says TokenExpired while it reconnects. Then it needs a newer token, but no new log-in.
      warning = warned;
      state = (now, reason) => {
        // The SDK has given up. It accepts a log-in only after a log-out.
        if (now === 'ABORTED' && reason === 'TOKEN_EXPIRED') client.logout().then(expired, expired);
      };
      client.on('TokenPrivilegeWillExpire', warning);
      client.on('TokenExpired', warning);
      client.on('ConnectionStateChanged', state);
    },
    unlisten: () => {
      client.off('TokenPrivilegeWillExpire', warning);
      client.off('TokenExpired', warning);
      client.off('ConnectionStateChanged', state);
    },
    logOut: () => client.logout(),
  });
}
