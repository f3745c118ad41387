import type { RtcAnswer, RtmAnswer } from '../answers.js';
import { type Session, session, type SessionOptions, type TokenSource } from './session.js';

export type { Session, SessionOptions, TokenSource };

/** What the adapter uses of an `RTM` of `agora-rtm` (or `agora-rtm-sdk`) 2.x. */
export interface AgoraRtmClient {
  login(options: { token: string }): Promise<unknown>;
  logout(): Promise<unknown>;
  renewToken(token: string, options?: { channelName: string }): Promise<unknown>;
  addEventListener(event: 'tokenPrivilegeWillExpire', listener: (channelName: string) => void): void;
  addEventListener(event: 'linkState', listener: (link: LinkState) => void): void;
  removeEventListener(event: 'tokenPrivilegeWillExpire', listener: (channelName: string) => void): void;
  removeEventListener(event: 'linkState', listener: (link: LinkState) => void): void;
}

interface LinkState {
  readonly currentState: string;
  readonly reasonCode: string;
}

/**
 * Logs in to RTM 2.x, and stays logged in. The client already has a user id: create it with the token's user id.
 *
 * A token of {@link rtc} with `rtm` works too. Stream channels have tokens of their own, and renew them
 * themselves.
 */
export function logInToAgoraRtm(
  client: AgoraRtmClient,
  keeper: TokenSource<RtmAnswer | RtcAnswer>,
  options: SessionOptions = {},
): Promise<Session> {
  let warning: (channelName: string) => void;
  let link: (state: LinkState) => void;
  return session(keeper, options, {
    logIn: ({ token }) => client.login({ token }),
    renew: ({ token }) => client.renewToken(token),
    listen: (warned, expired) => {
      // If the warning names a channel, it is about that stream channel's token, not about this one.
      warning = (channelName) => channelName ? undefined : warned();
      link = ({ currentState, reasonCode }) => {
        if (currentState === 'FAILED' && reasonCode === 'TOKEN_EXPIRED') expired();
      };
      client.addEventListener('tokenPrivilegeWillExpire', warning);
      client.addEventListener('linkState', link);
    },
    unlisten: () => {
      client.removeEventListener('tokenPrivilegeWillExpire', warning);
      client.removeEventListener('linkState', link);
    },
    logOut: () => client.logout(),
  });
}
