import type {
  Answer,
  ChatAppAnswer,
  ChatUserAnswer,
  MintedAnswer,
  RtcAnswer,
  RtcPrivilege,
  RtmAnswer,
  TextAnswer,
  TutorialRtmAnswer,
  ZegoBasicAnswer,
  ZegoRoomAnswer,
  ZimAnswer,
} from './answers.js';

/** Which token to ask for, and how to read its answer. {@link rtc} and the functions below make it. */
export interface TokenRequest<A extends Answer> {
  readonly method: 'GET' | 'POST';
  /** Path and query, below the service's address. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** Reads the answer of a 200, or returns nothing if it holds no token. `text` is the body, `json` the parsed body. */
  read(text: string, json: unknown): A | undefined;
  /** The token's assumed lifetime in seconds, if the answer doesn't say it. */
  readonly lifetime: number;
}

/** How long a token lives, in seconds. The default is the service's setting. */
export interface Lifetime {
  readonly expiresIn?: number;
}

/** The lifetime in the tutorials, and the service's own default. */
const AN_HOUR = 3600;

/**
 * Agora RTC, for one channel.
 *
 * @param channel the channel's name.
 * @param options who joins, and what they may do. Without `uid` and `account` it is the caller's own uid, always the
 *   same one. The answer names it.
 */
export function rtc(channel: string, options: RtcOptions = {}): TokenRequest<RtcAnswer> {
  const { uid, account, role, with: companions, privileges, expiresIn } = options;
  const path = `/rtc/${segment(channel)}/token`;
  const read = minted<RtcAnswer>('agora-rtc');
  const lifetime = expiresIn ?? AN_HOUR;
  if (privileges !== undefined || (companions !== undefined && !isList(companions))) {
    const body = defined({ uid, account, role, with: companions, privileges, expires_in: expiresIn });
    return { method: 'POST', path, body, read, lifetime };
  }
  const asked = query({ uid, account, role, with: isList(companions) ? companions.join(',') : undefined, expires_in: expiresIn });
  return { method: 'GET', path: path + asked, read, lifetime };
}

function isList<T, O>(value: readonly T[] | O | undefined): value is readonly T[] {
  return Array.isArray(value);
}

/** Who joins a channel, and what they may do there. */
export interface RtcOptions extends Lifetime {
  /** The numeric user, from 1. With a token for a number nobody can join by name, or the other way round. */
  readonly uid?: number;
  /** The user by name. */
  readonly account?: string;
  /** The default is `subscriber`. */
  readonly role?: 'subscriber' | 'publisher';
  /**
   * Other services that the same token opens. With a list, they are for the signed-in user. An object names the user of each
   * service: `me` is the signed-in user. Without identities, any id is allowed.
   */
  readonly with?: readonly ('rtm' | 'chat')[] | { readonly rtm?: string; readonly chat?: string };
  /** The token gets exactly these privileges, each with its own lifetime in seconds. `join_channel` is required. */
  readonly privileges?: { readonly [privilege in RtcPrivilege]?: number } & { readonly join_channel: number };
}

/**
 * Agora RTM (Signaling).
 *
 * @param userId the user, or `me` for the caller.
 */
export function rtm(userId: string, options: RtmOptions = {}): TokenRequest<RtmAnswer> {
  const { version, expiresIn } = options;
  const path = `/rtm/${segment(userId)}/token${query({ version, expires_in: expiresIn })}`;
  return { method: 'GET', path, read: minted('agora-rtm', 'agora-rtm2'), lifetime: expiresIn ?? AN_HOUR };
}

/** Which version an RTM token has. */
export interface RtmOptions extends Lifetime {
  /** The default is `007`, but `006` for {@link fetchRtm}. RTM SDK 1.x before 1.5.0 takes only `006`. */
  readonly version?: '006' | '007';
}

/**
 * Agora RTM by the route of the vendor's tutorial for RTM SDK 1.x. The answer of {@link rtm} says more.
 *
 * This answer names no lifetime. So the request always asks for one (by default an hour, as in the tutorial), and the
 * keeper fetches the next token when at most half of it is over. A `006` token lives 24 hours, whatever you ask for.
 */
export function fetchRtm(uid: string, options: RtmOptions = {}): TokenRequest<TutorialRtmAnswer> {
  const { version, expiresIn = AN_HOUR } = options;
  return {
    method: 'POST',
    path: '/fetch_rtm_token',
    body: defined({ uid, version, expires_in: expiresIn }),
    read: (_, json) => {
      const answer = json as Partial<TutorialRtmAnswer> | null;
      return isToken(answer?.token) && answer?.code === '200' ? { token: answer.token, code: '200' } : undefined;
    },
    lifetime: expiresIn,
  };
}

/**
 * Agora Chat, for one user.
 *
 * It asks for JSON. The vendor's own tutorial server answers only with bare text, which says no lifetime. The keeper
 * then assumes `expiresIn`, or an hour, and fetches the next token when at most half of that is over.
 *
 * @param userId the user, or `me` for the caller.
 */
export function chatUser(userId: string, options: Lifetime = {}): TokenRequest<ChatUserAnswer | TextAnswer> {
  return chat(`/chat/user/${segment(userId)}/token`, options, minted<ChatUserAnswer>('agora-chat-user'));
}

/**
 * Agora Chat's REST API: for backends, never for an app. A deployed service gives this token only to IAM identities. So
 * give the keeper a `fetch` that signs requests with AWS Signature Version 4.
 */
export function chatApp(options: Lifetime = {}): TokenRequest<ChatAppAnswer | TextAnswer> {
  return chat('/chat/app/token', options, minted<ChatAppAnswer>('agora-chat-app'));
}

function chat<A extends MintedAnswer>(
  path: string,
  { expiresIn }: Lifetime,
  read: (text: string, json: unknown) => A | undefined,
): TokenRequest<A | TextAnswer> {
  return {
    method: 'GET',
    path: path + query({ expires_in: expiresIn }),
    read: (text, json) => read(text, json) ?? (isToken(text.trim()) ? { token: text.trim() } : undefined),
    lifetime: expiresIn ?? AN_HOUR,
  };
}

/**
 * ZEGO Express: one room if `options` names it, otherwise every room.
 *
 * @param userId the user, or `me` for the caller.
 */
export function zego(userId: string, options?: ZegoOptions): TokenRequest<ZegoBasicAnswer>;
export function zego(userId: string, options: ZegoRoomOptions): TokenRequest<ZegoRoomAnswer>;
export function zego(
  userId: string,
  options: ZegoOptions | ZegoRoomOptions = {},
): TokenRequest<ZegoBasicAnswer> | TokenRequest<ZegoRoomAnswer> {
  const { expiresIn, userName } = options;
  const path = `/zego/${segment(userId)}/token`;
  const lifetime = expiresIn ?? AN_HOUR;
  if (!('roomId' in options)) {
    const asked = query({ user_name: userName, expires_in: expiresIn });
    return { method: 'GET', path: path + asked, read: minted<ZegoBasicAnswer>('zego-basic'), lifetime };
  }
  const { roomId, login = true, publish = false, streamIds } = options;
  const body = defined({
    room_id: roomId,
    user_name: userName,
    privileges: { login, publish },
    stream_ids: streamIds,
    expires_in: expiresIn,
  });
  return { method: 'POST', path, body, read: minted<ZegoRoomAnswer>('zego-room'), lifetime };
}

/** The user's name, and how long the token lives. */
export interface ZegoOptions extends Lifetime {
  /** The name that others see in ZEGO's web UIKit. With it, the answer has a `kit_token`. */
  readonly userName?: string;
}

/** One room, and what the user may do there. */
export interface ZegoRoomOptions extends ZegoOptions {
  readonly roomId: string;
  /** The default is true. */
  readonly login?: boolean;
  /** The default is false. */
  readonly publish?: boolean;
  /** The streams that the user may publish. Empty: any stream. */
  readonly streamIds?: readonly string[];
}

/**
 * ZEGO ZIM.
 *
 * @param userId the user, or `me` for the caller.
 */
export function zim(userId: string, options: Lifetime = {}): TokenRequest<ZimAnswer> {
  const { expiresIn } = options;
  const path = `/zim/${segment(userId)}/token${query({ expires_in: expiresIn })}`;
  return { method: 'GET', path, read: minted('zego-zim'), lifetime: expiresIn ?? AN_HOUR };
}

/** Reads a JSON answer of one of these kinds. */
function minted<A extends MintedAnswer>(...kinds: A['kind'][]): (text: string, json: unknown) => A | undefined {
  return (_, json) => {
    const answer = json as Partial<MintedAnswer> | null;
    const times = [answer?.issued_at, answer?.expires_at, answer?.expires_in, answer?.renew_at];
    const whole = isToken(answer?.token) && kinds.includes(answer?.kind ?? '') && times.every(Number.isSafeInteger);
    return whole ? (answer as A) : undefined;
  };
}

/** Every vendor's token is a version and then base64. An HTML page or an empty text is no token. */
function isToken(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9+/]+=*$/.test(value);
}

/** A name as one segment of a path. */
function segment(name: string): string {
  // A URL cannot hold these as a name: even %2e%2e means the folder above.
  if (name === '' || name === '.' || name === '..') throw new TypeError(`"${name}" cannot be a user or a channel`);
  return encodeURIComponent(name);
}

function query(parameters: Record<string, string | number | undefined>): string {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) asked.set(name, String(value));
  const text = asked.toString();
  return text === '' ? '' : `?${text}`;
}

function defined(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
