/**
 * Tokens from a Tokenmint service, kept fresh.
 *
 * A request says which token: {@link rtc}, {@link rtm}, {@link chatUser}, {@link zego}, {@link zim}, {@link chatApp}
 * for backends, and {@link fetchRtm} for the vendor's tutorial. A {@link TokenKeeper} fetches the token, fetches the
 * next one in time, and passes each new one on. The adapters in `tokenmint-web/adapters/…` connect a keeper to a
 * vendor's SDK. {@link hashedUserId} computes another user's id.
 *
 * @packageDocumentation
 */
export type {
  Answer,
  ChatAppAnswer,
  ChatUserAnswer,
  MintedAnswer,
  PlainRtmAnswer,
  RtcAnswer,
  RtcPrivilege,
  Rtm2Answer,
  RtmAnswer,
  RtmPermissions,
  TextAnswer,
  TutorialRtmAnswer,
  ZegoAnswer,
  ZegoBasicAnswer,
  ZegoRoomAnswer,
  ZimAnswer,
} from './answers.js';
export { TokenError } from './errors.js';
export type { Problem, Reason } from './errors.js';
export { TokenKeeper } from './keeper.js';
export type { KeeperOptions, Left, Retry } from './keeper.js';
export { chatApp, chatUser, fetchRtm, rtc, rtm, zego, zim } from './requests.js';
export type { Lifetime, RtcOptions, RtmOptions, TokenRequest, ZegoOptions, ZegoRoomOptions } from './requests.js';
export type { Service } from './attempt.js';
export { hashedUserId } from './user-id.js';
