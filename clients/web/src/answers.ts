/** What every answer has. */
export interface Answer {
  /** The token, as the SDK takes it. It is a secret until it expires, so don't log it. */
  readonly token: string;
}

/** What every JSON answer of the service's own routes has. All times are the server's, in Unix seconds. */
export interface MintedAnswer extends Answer {
  readonly kind: string;
  /** The vendor's app id: 32 hexadecimal digits at Agora, a number at ZEGO. */
  readonly app_id: string | number;
  readonly issued_at: number;
  readonly expires_at: number;
  /** How long the token is still good when the service answers, in seconds. */
  readonly expires_in: number;
  /** When to fetch the next one. */
  readonly renew_at: number;
}

/** Agora Chat, for one user. */
export interface ChatUserAnswer extends MintedAnswer {
  readonly kind: 'agora-chat-user';
  readonly app_id: string;
  readonly user_id: string;
}

/** Agora Chat's REST API, for backends. */
export interface ChatAppAnswer extends MintedAnswer {
  readonly kind: 'agora-chat-app';
  readonly app_id: string;
}

/** Agora RTM (Signaling), for every channel. */
export interface PlainRtmAnswer extends MintedAnswer {
  readonly kind: 'agora-rtm';
  readonly app_id: string;
  readonly user_id: string;
  readonly version: '006' | '007';
}

/** Agora RTM (Signaling), only for the channels in `permissions`. A service that limits its callers' rooms may give this answer. */
export interface Rtm2Answer extends MintedAnswer {
  readonly kind: 'agora-rtm2';
  readonly app_id: string;
  readonly user_id: string;
  readonly permissions: { readonly message_channels: RtmPermissions; readonly stream_channels: RtmPermissions };
}

/** The channels that the user may read and write, by their full names. */
export interface RtmPermissions {
  readonly read: readonly string[];
  readonly write: readonly string[];
}

/** Agora RTM (Signaling). */
export type RtmAnswer = PlainRtmAnswer | Rtm2Answer;

/** What an RTC token permits. */
export type RtcPrivilege = 'join_channel' | 'publish_audio' | 'publish_video' | 'publish_data_stream';

/** Agora RTC. If the request asks for it, the same token is also for RTM and Chat. */
export interface RtcAnswer extends MintedAnswer {
  readonly kind: 'agora-rtc';
  readonly app_id: string;
  readonly channel: string;
  /** The numeric user. An answer has either this or `account`. */
  readonly uid?: number;
  /** The user by name. */
  readonly account?: string;
  readonly role: 'subscriber' | 'publisher';
  readonly privileges: { readonly [privilege in RtcPrivilege]?: { readonly expires_at: number } };
  /** The user's id in RTM, if this token is also for RTM. */
  readonly rtm?: { readonly user_id: string };
  /** The user's id in Chat, if this token is also for Chat. */
  readonly chat?: { readonly user_id: string };
}

/** The answer with a token for ZEGO Express. */
export interface ZegoKitAnswer extends MintedAnswer {
  /** What `ZegoUIKitPrebuilt.create` takes. It contains the token. Only an answer to a request with a `userName` has it. */
  readonly kit_token?: string;
}

/** ZEGO Express, every room. */
export interface ZegoBasicAnswer extends ZegoKitAnswer {
  readonly kind: 'zego-basic';
  readonly app_id: number;
  readonly user_id: string;
}

/** ZEGO Express, one room. */
export interface ZegoRoomAnswer extends ZegoKitAnswer {
  readonly kind: 'zego-room';
  readonly app_id: number;
  readonly user_id: string;
  readonly room_id: string;
  readonly privileges: { readonly login: boolean; readonly publish: boolean };
  readonly stream_ids?: readonly string[];
}

/** ZEGO Express. */
export type ZegoAnswer = ZegoBasicAnswer | ZegoRoomAnswer;

/** ZEGO ZIM. */
export interface ZimAnswer extends MintedAnswer {
  readonly kind: 'zego-zim';
  readonly app_id: number;
  readonly user_id: string;
}

/** What `POST /fetch_rtm_token` answers, as in the vendor's tutorial. */
export interface TutorialRtmAnswer extends Answer {
  readonly code: '200';
}

/** A bare token, as the vendor's own Chat tutorial server answers. */
export type TextAnswer = Answer;
