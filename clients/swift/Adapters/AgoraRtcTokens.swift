import Foundation
import AgoraRtcKit
import Tokenmint

/// Keeps an RTC engine's token fresh, for one channel. RTC warns 30 seconds ahead; by then the keeper has renewed, unless nothing got through.
///
/// `engine.addDelegate(...)`; the engine holds it weakly, so keep it.
public final class AgoraRtcTokens: NSObject, AgoraRtcEngineDelegate {
    private let feed: TokenFeed
    private let rejoin: TokenFeed.Give

    /// - Parameter rejoin: Joins the channel with a token after the last one has expired.
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
