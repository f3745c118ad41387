/**
 * The user id that a service with `USER_ID_FORM=hash` gives to the vendors: the first 32 hexadecimal digits of the
 * claim's SHA-256, in lower case.
 *
 * Use it to address another user, for example to send a Chat message. The caller's own id is `user_id` in the answers.
 *
 * It needs `crypto.subtle`. Browsers have it in secure contexts only: on HTTPS pages and on this machine. Node has it
 * from version 20 on.
 *
 * @param claim the user's id at your identity provider, exactly as in the JWT, such as `auth0|5f7c8ec7c33c6c004bbafe82`.
 * @throws TypeError if the claim is empty or no text, or there is no `crypto.subtle`.
 */
export async function hashedUserId(claim: string): Promise<string> {
  // Without this check, all users without a claim would get one id.
  if (typeof claim !== 'string' || claim === '') throw new TypeError('the claim must be a text, and not empty');
  const { subtle } = crypto as Partial<Crypto>;
  if (subtle === undefined) throw new TypeError('hashedUserId needs a page with HTTPS, or on this machine');
  const hash = new Uint8Array(await subtle.digest('SHA-256', new TextEncoder().encode(claim)));
  return Array.from(hash.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
