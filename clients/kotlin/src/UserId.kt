package tokenmint

import java.security.MessageDigest

/**
 * The user id that a service with `USER_ID_FORM=hash` gives to the vendors: the first 32 hexadecimal digits of the
 * claim's SHA-256, in lower case.
 *
 * Use it to address another user, for example to send a Chat message. The caller's own id is [MintedToken.userId].
 *
 * @param claim the user's id at your identity provider, exactly as in the JWT, such as
 *   `auth0|5f7c8ec7c33c6c004bbafe82`.
 * @throws IllegalArgumentException if the claim is empty.
 */
fun hashedUserId(claim: String): String {
    // Without this check, all users without a claim would get one id.
    require(claim.isNotEmpty()) { "the claim must not be empty" }
    val hash = MessageDigest.getInstance("SHA-256").digest(claim.toByteArray())
    // Byte by byte, because `String.format` writes the digits of the device's language.
    return hash.take(16).joinToString("") { (it.toInt() and 0xff).toString(16).padStart(2, '0') }
}
