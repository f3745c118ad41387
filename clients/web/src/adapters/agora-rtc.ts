import type { RtcAnswer } from '../answers.js';
import { type Session, session, type SessionOptions, type TokenSource } from './session.js';

export type { Session, SessionOptions, TokenSource };

/** What the adapter uses of `agora-rtc-sdk-ng`'s client. */
export interface AgoraRtcClient {
  readonly connectionState: string;
  join(appId: string, channel: string, token: string, uid: number | string): Promise<unknown>;
  leave(): Promise<void>;
  renewToken(token: string): Promise<void>;
  on(event: string, listener: () => void): void;
  off(event: string, listener: () => void): void;
}

/**
 * Joins the channel of the keeper's token, and stays in it.
 *
 * The app publishes its tracks itself: after this function, and again in `onLoggedInAgain`.
 */
export function joinAgoraRtc(
  client: AgoraRtcClient,
  keeper: TokenSource<RtcAnswer>,
  options: SessionOptions = {},
): Promise<Session> {
  let listeners: [string, () => void][] = [];
  return session(keeper, options, {
    logIn: async ({ app_id, channel, token, uid, account }) => {
      // After an expiry the client may still believe that it is in the channel. Then it refuses to join.
      if (client.connectionState !== 'DISCONNECTED') await client.leave();
      await client.join(app_id, channel, token, uid ?? account ?? '');
    },
    renew: ({ token }) => client.renewToken(token),
    listen: (warned, expired) => {
      listeners = [
        ['token-privilege-will-expire', warned],
        ['token-privilege-did-expire', expired],
      ];
      for (const [event, listener] of listeners) client.on(event, listener);
    },
    unlisten: () => {
      for (const [event, listener] of listeners) client.off(event, listener);
    },
    logOut: () => client.leave(),
  });
}
