#if canImport(CryptoKit)
import CryptoKit
import Foundation

/// The user id that a service with `USER_ID_FORM=hash` gives to the vendors: the first 32 hexadecimal digits of the
/// claim's SHA-256, in lower case. `nil` if the claim is empty: all users without a claim would get one id.
///
/// Use it to address another user, for example to send a Chat message. The caller's own id is `MintedToken.userId`.
///
/// - Parameter claim: The user's id at your identity provider, exactly as in the JWT, such as
///   `auth0|5f7c8ec7c33c6c004bbafe82`.
public func hashedUserId(_ claim: String) -> String? {
    if claim.isEmpty { return nil }
    let digits = Array("0123456789abcdef")
    return SHA256.hash(data: Data(claim.utf8)).prefix(16).reduce(into: "") { id, byte in
        id.append(digits[Int(byte >> 4)])
        id.append(digits[Int(byte & 15)])
    }
}
#endif
