import Foundation
import AgoraRtcKit
import Tokenmint

/// Keeps an RTC engine's token fresh, for one channel. RTC warns 30 seconds before the token expires. By then the
/// keeper has a new token, unless it could not reach the service.
///
/// Pass it to `engine.addDelegate(...)`. The engine holds it only weakly, so keep a reference to it.
public final class AgoraRtcTokens: NSObject, AgoraRtcEngineDelegate {
    private let feed: TokenFeed
    private let rejoin: TokenFeed.Give

    /// - Parameter rejoin: Joins the channel with the new token, after the old one has expired.
    @MainActor
    public init(keeper: TokenKeeper, engine: AgoraRtcEngineKit, rejoin: @escaping TokenFeed.Give) {
        feed = TokenFeed(keeper) { [weak engine] minted in engine?.renewToken(minted.token) }
        self.rejoin = rejoin
    }

    public func rtcEngine(_ engine: AgoraRtcEngineKit, tokenPrivilegeWillExpire token: String) {
        feed.expiring()
    }

    public func rtcEngineRequestToken(_ engine: AgoraRtcEngineKit) {
        feed.expired(rejoin)
    }
}
