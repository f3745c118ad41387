import Foundation
import Tokenmint
import ZIM

/// Keeps ZIM's token fresh. ZIM has only one event handler: extend this class, and call `super` in what you override.
/// ZIM warns 30 seconds before the token expires.
open class ZimTokens: NSObject, ZIMEventHandler {
    private let feed: TokenFeed

    /// - Parameter onResult: Called with ZIM's result for each token. Code 0 is success.
    @MainActor
    public init(keeper: TokenKeeper, onResult: @escaping @Sendable (ZIMError) -> Void) {
        feed = TokenFeed(keeper) { minted in
            ZIM.shared()?.renewToken(minted.token) { _, error in onResult(error) }
        }
    }

    open func zim(_ zim: ZIM, tokenWillExpire second: UInt32) {
        feed.expiring()
    }
}
