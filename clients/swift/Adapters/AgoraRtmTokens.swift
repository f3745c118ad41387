import Foundation
import AgoraRtmKit
import Tokenmint

/// Keeps an RTM 2.x (Signaling) client's token fresh: `client.addDelegate(...)`. RTM warns 30 seconds before the
/// token expires.
public final class AgoraRtmTokens: NSObject, AgoraRtmClientDelegate {
    private let feed: TokenFeed

    @MainActor
    public init(keeper: TokenKeeper, client: AgoraRtmClientKit) {
        feed = TokenFeed(keeper) { [weak client] minted in client?.renewToken(minted.token, completion: nil) }
    }

    public func rtmKit(_ rtmKit: AgoraRtmClientKit, tokenPrivilegeWillExpire channel: String?) {
        feed.expiring()
    }
}
