import type { Answer } from '../answers.js';
import { type Session, session, type SessionOptions, type TokenSource } from './session.js';

export type { Session, SessionOptions, TokenSource };

/** What the adapter uses of `agora-chat`'s connection. */
export interface AgoraChatConnection {
  open(parameters: { user: string; accessToken: string }): Promise<unknown>;
  close(): void;
  renewToken(token: string): Promise<unknown>;
  addEventHandler(id: string, handler: { onTokenWillExpire(): void; onTokenExpired(): void }): void;
  removeEventHandler(id: string): void;
}

/**
 * Logs in to Chat, and stays logged in.
 *
 * @param user the user that the token is for.
 * @param keeper a keeper for {@link chatUser}, or for {@link rtc} with `chat`.
 */
export function openAgoraChat(
  connection: AgoraChatConnection,
  user: string,
  keeper: TokenSource<Answer>,
  options: SessionOptions = {},
): Promise<Session> {
  const id = `tokenmint-${Math.random().toString(36).slice(2)}`;
  return session(keeper, options, {
    logIn: ({ token }) => connection.open({ user, accessToken: token }),
    renew: ({ token }) => connection.renewToken(token),
    listen: (warned, expired) => {
      connection.addEventHandler(id, { onTokenWillExpire: warned, onTokenExpired: expired });
    },
    unlisten: () => connection.removeEventHandler(id),
    logOut: () => connection.close(),
  });
}
