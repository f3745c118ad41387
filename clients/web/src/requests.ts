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

/** Which token, and how its answer is read. Made by {@link rtc} and its neighbours. */
export interface TokenRequest<A extends Answer> {
  readonly method: 'GET' | 'POST';
  /** Path and query, below the service's address. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** The answer to a 200, or nothing where this is none. `text` is the body, `json` whatever that is as JSON. */
  read(text: string, json: unknown): A | undefined;
  /** What to believe of the token's life where the answer doesn't say, in seconds. */
  readonly lifetime: number;
}

/** How long a token lives, in seconds. Not said: what the service is configured for. */
export interface Lifetime {
  readonly expiresIn?: number;
}

/** The lifetime in the tutorials, and the service's own default. */
const AN_HOUR = 3600;

/**
 * Agora RTC, for one channel.
 *
 * @param channel the channel's name.
 * @param options who joins (neither `uid` nor `account`: the caller's own stable uid, which the answer says), and what they may.
 */
export function rtc(channel: string, options: RtcOptions = {}): TokenRequest<RtcAnswer> {
  const { uid, account, role, with: companions, privileges, expiresIn } = options;
  const path = `/rtc/${segment(channel)}/token`;
  const read = minted<RtcAnswer>('agora-rtc');
  const lifetime = expiresIn ?? AN_HOUR;
  if (privileges !== undefined) {
    const body = defined({ uid, account, role, with: companions, privileges, expires_in: expiresIn });
    return { method: 'POST', path, body, read, lifetime };
  }
  const asked = query({ uid, account, role, with: companions?.join(','), expires_in: expiresIn });
  return { method: 'GET', path: path + asked, read, lifetime };
}

/** Who joins a channel, and what they may there. */
export interface RtcOptions extends Lifetime {
  /** The numeric user, from 1. A token for a number doesn't open the channel to a name, nor the other way round. */
  readonly uid?: number;
  /** The user by name. */
  readonly account?: string;
  /** `subscriber` where it isn't said. */
  readonly role?: 'subscriber' | 'publisher';
  /** Other services for the same user in the same token. */
  readonly with?: readonly ('rtm' | 'chat')[];
  /** Exactly these, each with its own lifetime in seconds. `join_channel` must be among them. */
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
  return { method: 'GET', path, read: minted('agora-rtm'), lifetime: expiresIn ?? AN_HOUR };
}

/** Of which form an RTM token is. */
export interface RtmOptions extends Lifetime {
  /** `007` where it isn't said. RTM SDK 1.x before 1.5.0 takes only `006`. */
  readonly version?: '006' | '007';
}

/**
 * Agora RTM by the route of the vendor's tutorial for RTM SDK 1.x. {@link rtm} says more in its answer.
 *
 * This answer names no lifetime, so one is always asked for (an hour, as in the tutorial) and held to: the next token is
 * fetched when half of it is over. A `006` token in fact lives 24 hours, whatever was asked for.
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
 * It asks for JSON. The vendor's own tutorial server knows but bare text: of such an answer it believes `expiresIn`, or
 * an hour, and fetches the next one when half of that is over.
 *
 * @param userId the user, or `me` for the caller.
 */
export function chatUser(userId: string, options: Lifetime = {}): TokenRequest<ChatUserAnswer | TextAnswer> {
  return chat(`/chat/user/${segment(userId)}/token`, options, minted<ChatUserAnswer>('agora-chat-user'));
}

/**
 * Agora Chat's REST API: for backends, never for an app. Deployed, the service gives it to IAM identities only, so give
 * the keeper a `fetch` that signs requests with AWS's version 4.
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
 * ZEGO Express: every room, or with a room in `options` that one alone.
 *
 * @param userId the user, or `me` for the caller.
 */
export function zego(userId: string, options?: Lifetime): TokenRequest<ZegoBasicAnswer>;
export function zego(userId: string, options: ZegoRoomOptions): TokenRequest<ZegoRoomAnswer>;
export function zego(
  userId: string,
  options: Lifetime | ZegoRoomOptions = {},
): TokenRequest<ZegoBasicAnswer> | TokenRequest<ZegoRoomAnswer> {
  const { expiresIn } = options;
  const path = `/zego/${segment(userId)}/token`;
  const lifetime = expiresIn ?? AN_HOUR;
  if (!('roomId' in options)) {
    return { method: 'GET', path: path + query({ expires_in: expiresIn }), read: minted<ZegoBasicAnswer>('zego-basic'), lifetime };
  }
  const { roomId, login = true, publish = false, streamIds } = options;
  const body = defined({
    room_id: roomId,
    privileges: { login, publish },
    stream_ids: streamIds,
    expires_in: expiresIn,
  });
  return { method: 'POST', path, body, read: minted<ZegoRoomAnswer>('zego-room'), lifetime };
}

/** One room, and what the user may there. */
export interface ZegoRoomOptions extends Lifetime {
  readonly roomId: string;
  /** True where it isn't said. */
  readonly login?: boolean;
  /** False where it isn't said. */
  readonly publish?: boolean;
  /** The streams that may be published: any, where none is named. */
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

/** Reads a JSON answer of this kind. */
function minted<A extends MintedAnswer>(kind: A['kind']): (text: string, json: unknown) => A | undefined {
  return (_, json) => {
    const answer = json as Partial<MintedAnswer> | null;
    const times = [answer?.issued_at, answer?.expires_at, answer?.expires_in, answer?.renew_at];
    const whole = isToken(answer?.token) && answer?.kind === kind && times.every(Number.isSafeInteger);
    return whole ? (answer as A) : undefined;
  };
}

/** Every vendor's token is base64 behind a version. A page of HTML, or nothing, is none. */
function isToken(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9+/]+=*$/.test(value);
}

/** A name as one segment of a path. */
function segment(name: string): string {
  // URLs have no way to write these: even %2e%2e means the folder above.
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
