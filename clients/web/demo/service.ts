// What a page knows of the token service before anybody logs in.

/** Whose cloud a demo logs in to. */
export type Vendor = 'Agora' | 'Agora Chat' | 'ZEGO';

/** The app ids of the built-in credentials, tests/demo-credentials.json. They belong to no project; a test compares them. */
const DEMO_APP_IDS: readonly unknown[] = ['00000000000000000000000000000000', 1234567890];

/** Whether a token for this app id can open nothing at the vendor. */
export function isDemo(appId: unknown): boolean {
  return DEMO_APP_IDS.includes(appId);
}

/** The app id of an answer, and of a 006 token, which begins with it. */
export function appIdOf(answer: { readonly token: string; readonly app_id?: unknown }): unknown {
  return answer.app_id ?? (answer.token.startsWith('006') ? answer.token.slice(3, 35) : undefined);
}

/** What the service answered. Without a status nothing answered. */
export interface Said {
  readonly status?: number;
  readonly appId?: unknown;
}

/** Asks the service for a token of this vendor's that nobody uses, so as to learn the app id. */
export async function ask(service: string, vendor: Vendor, jwt?: string): Promise<Said> {
  const user = jwt === undefined ? 'demo' : 'me';
  const path = vendor === 'ZEGO' ? `/zego/${user}/token` : `/rtm/${user}/token`;
  const headers: HeadersInit = jwt === undefined ? {} : { authorization: `Bearer ${jwt}` };
  const options: RequestInit = { headers, cache: 'no-store', credentials: 'omit', referrerPolicy: 'no-referrer' };
  try {
    const response = await fetch(service.replace(/\/+$/, '') + path, { ...options, signal: AbortSignal.timeout(10_000) });
    if (!response.ok) return { status: response.status };
    const answer = (await response.json()) as { app_id?: unknown };
    return { status: response.status, appId: answer.app_id };
  } catch {
    return {};
  }
}

/** Whether it is worth asking again: beside these pages the service may still be building. */
export function mayAnswerLater({ status }: Said): boolean {
  return status === undefined || status === 502 || status === 503 || status === 504;
}

/** How to start the service with credentials of one's own. */
export const OWN_CREDENTIALS = 'LOCAL_CREDENTIALS=credentials.json make demo';
