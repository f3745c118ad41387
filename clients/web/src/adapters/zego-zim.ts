import type { ZimAnswer } from '../answers.js';
import { type Session, session, type SessionOptions, type TokenSource } from './session.js';

export type { Session, SessionOptions, TokenSource };

/** What the adapter uses of `zego-zim-web`'s `ZIM`. */
export interface Zim {
  login(user: { userID: string; userName: string }, token: string): Promise<void>;
  logout(): void;
  renewToken(token: string): Promise<unknown>;
  on(event: 'tokenWillExpire', listener: (zim: unknown, data: { second: number }) => void): void;
  on(event: 'connectionStateChanged', listener: (zim: unknown, data: ZimConnection) => void): void;
  off(event: 'tokenWillExpire' | 'connectionStateChanged'): void;
}

/** What ZIM says about its connection. */
export interface ZimConnection {
  readonly state: number;
  readonly event: number;
}

/** `ZIMConnectionState.Disconnected`. */
const DISCONNECTED = 0;
/** `ZIMConnectionEvent.TokenExpired`. */
const TOKEN_EXPIRED = 5;

/**
 * Logs in to ZIM, and stays logged in.
 *
 * ZIM has only one listener for each event, and this adapter uses them. If the app needs the connection's events, it
 * passes `onConnection`.
 */
export function logInToZim(
  zim: Zim,
  keeper: TokenSource<ZimAnswer>,
  options: SessionOptions & { readonly userName?: string; readonly onConnection?: (connection: ZimConnection) => void } = {},
): Promise<Session> {
  return session(keeper, options, {
    // An empty name keeps the name that the user has.
    logIn: ({ token, user_id: userID }) => zim.login({ userID, userName: options.userName ?? '' }, token),
    renew: ({ token }) => zim.renewToken(token),
    listen: (warned, expired) => {
      zim.on('tokenWillExpire', warned);
      zim.on('connectionStateChanged', (_, connection) => {
        options.onConnection?.(connection);
        if (connection.state === DISCONNECTED && connection.event === TOKEN_EXPIRED) expired();
      });
    },
    unlisten: () => {
      zim.off('tokenWillExpire');
      zim.off('connectionStateChanged');
    },
    logOut: () => zim.logout(),
  });
}
