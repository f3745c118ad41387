package tokenmint

import im.zego.zegoexpress.ZegoExpressEngine
import im.zego.zegoexpress.callback.IZegoEventHandler

/**
 * Keeps a ZEGO Express room's token fresh. An engine has only one event handler: extend this class, pass it to
 * `engine.setEventHandler(...)`, and call `super` in what you override. Express warns 30 seconds before the token
 * expires.
 */
open class ZegoExpressTokens(keeper: TokenKeeper, engine: ZegoExpressEngine, private val roomId: String) : IZegoEventHandler(), AutoCloseable {
    private val feed = keeper.feed { engine.renewToken(roomId, it.token) }

    override fun onRoomTokenWillExpire(roomID: String?, remainTimeInSecond: Int) {
        if (roomID == roomId) feed.expiring()
    }

    override fun close() = feed.close()
}
