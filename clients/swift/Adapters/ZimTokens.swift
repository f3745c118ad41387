import Foundation
import Tokenmint
import ZIM

/// Keeps ZIM's token fresh. ZIM has one event handler: extend this one, and call `super` where you override. ZIM warns 30 seconds ahead.
open class ZimTokens: NSObject, ZIMEventHandler {
    private let feed: TokenFeed

    /// - Parameter onResult: What ZIM says of each token; success has the code 0.
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
