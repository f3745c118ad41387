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
 * Logs in to RTM 2.x, and stays in. The client has its user id already: make it with the one that the token is for.
 *
 * A token of {@link rtc} with `rtm` in it does as well. Stream channels have tokens of their own, and renew them
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
      // With a name it is about a stream channel's token, which isn't this one.
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
