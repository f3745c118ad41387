import Foundation
import AgoraChat
import Tokenmint

/// Keeps Chat's token fresh: `AgoraChatClient.shared().add(..., delegateQueue: nil)`. Chat warns after half of the
/// token's life, newer SDKs after 80 % of it. So Chat usually asks before the keeper's own renewal.
public final class AgoraChatTokens: NSObject, AgoraChatClientDelegate {
    private let feed: TokenFeed
    private let login: TokenFeed.Give

    /// - Parameter login: Logs in with the new token, after the old one has expired and Chat has logged the user out.
    @MainActor
    public init(keeper: TokenKeeper, login: @escaping TokenFeed.Give) {
        feed = TokenFeed(keeper) { minted in _ = AgoraChatClient.shared().renewToken(minted.token) }
        self.login = login
    }

    public func tokenWillExpire(_ aErrorCode: AgoraChatErrorCode) {
        feed.expiring()
    }

    public func tokenDidExpire(_ aErrorCode: AgoraChatErrorCode) {
        feed.expired(login)
    }
}
