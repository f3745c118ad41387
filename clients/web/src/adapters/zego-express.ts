import type { ZegoAnswer } from '../answers.js';
import { type Session, session, type SessionOptions, type TokenSource } from './session.js';

export type { Session, SessionOptions, TokenSource };

/** What the adapter uses of `zego-express-engine-webrtc`'s engine. */
export interface ZegoExpressEngine {
  loginRoom(roomId: string, token: string, user: { userID: string; userName?: string }): Promise<boolean>;
  logoutRoom(roomId: string): void;
  renewToken(token: string, roomId: string): boolean;
  on(event: 'tokenWillExpire', listener: (roomId: string) => void): boolean;
  on(event: 'roomStateChanged', listener: RoomState): boolean;
  off(event: 'tokenWillExpire', listener: (roomId: string) => void): boolean;
  off(event: 'roomStateChanged', listener: RoomState): boolean;
}

type RoomState = (roomId: string, reason: string, errorCode: number, extendedData: string) => void;

/** The SDK's codes for an expired token: at a log-in, and when the user is removed from the room. */
const EXPIRED = [1002078, 1102018];
/** In these states the user is no longer in the room. */
const OUT = ['LOGIN_FAILED', 'RECONNECT_FAILED', 'KICKOUT', 'LOGOUT'];

/**
 * Logs in to a room, and stays in it.
 *
 * The app publishes its streams itself: after this function, and again in `onLoggedInAgain`.
 */
export function logInToZegoRoom(
  engine: ZegoExpressEngine,
  roomId: string,
  keeper: TokenSource<ZegoAnswer>,
  options: SessionOptions & { readonly userName?: string } = {},
): Promise<Session> {
  const { userName } = options;
  let warning: (room: string) => void;
  let state: RoomState;
  return session(keeper, options, {
    logIn: async ({ token, user_id: userID }) => {
      const user = userName === undefined ? { userID } : { userID, userName };
      if (!(await engine.loginRoom(roomId, token, user))) throw new Error('ZEGO refused the log-in to the room.');
    },
    renew: ({ token }) => {
      if (!engine.renewToken(token, roomId)) throw new Error('ZEGO did not take the new token.');
    },
    listen: (warned, expired) => {
      warning = (room) => room === roomId ? warned() : undefined;
      state = (room, reason, code) => {
        if (room === roomId && OUT.includes(reason) && EXPIRED.includes(code)) expired();
      };
      engine.on('tokenWillExpire', warning);
      engine.on('roomStateChanged', state);
    },
    unlisten: () => {
      engine.off('tokenWillExpire', warning);
      engine.off('roomStateChanged', state);
    },
    logOut: () => engine.logoutRoom(roomId),
  });
}
