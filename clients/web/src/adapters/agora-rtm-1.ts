import type { Answer } from '../answers.js';
import { type Session, session, type SessionOptions, type TokenSource } from './session.js';

export type { Session, SessionOptions, TokenSource };

/** What the adapter uses of the client of `agora-rtm-sdk` 1.x. */
export interface AgoraRtm1Client {
  login(options: { uid: string; token: string }): Promise<void>;
  logout(): Promise<void>;
  renewToken(token: string): Promise<void>;
  // The SDK's type doesn't say what its listeners get.
  on(event: Rtm1Event, listener: (...args: any[]) => void): unknown;
  off(event: Rtm1Event, listener: (...args: any[]) => void): unknown;
}

type Rtm1Event = 'TokenPrivilegeWillExpire' | 'TokenExpired' | 'ConnectionStateChanged';

/**
 * Logs in to RTM 1.x, and stays in.
 *
 * @param uid the user whom the token is for.
 * @param keeper of {@link fetchRtm}, of {@link rtm} with version `006`, or from SDK 1.5.0 of any RTM token.
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
      // This SDK says TokenExpired while it reconnects, and wants a newer token for that: no other log-in.
      warning = warned;
      state = (now, reason) => {
        // It tries no more, and takes a log-in only after a log-out.
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
