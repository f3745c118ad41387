import Foundation
import Tokenmint
import ZegoExpressEngine

/// Keeps a ZEGO Express room's token fresh. An engine has only one event handler: extend this class, and call
/// `super` in what you override. Express warns 30 seconds before the token expires.
open class ZegoExpressTokens: NSObject, ZegoEventHandler {
    private let feed: TokenFeed
    private let roomID: String

    @MainActor
    public init(keeper: TokenKeeper, roomID: String) {
        self.roomID = roomID
        feed = TokenFeed(keeper) { minted in ZegoExpressEngine.shared().renewToken(minted.token, roomID: roomID) }
    }

    open func onRoomTokenWillExpire(_ remainTimeInSecond: Int32, roomID: String) {
        if roomID == self.roomID { feed.expiring() }
    }
}
