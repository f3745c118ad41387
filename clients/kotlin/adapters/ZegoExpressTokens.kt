package tokenmint

import im.zego.zegoexpress.ZegoExpressEngine
import im.zego.zegoexpress.callback.IZegoEventHandler

/**
 * Keeps a ZEGO Express room's token fresh. An engine has one event handler: extend this one (`engine.setEventHandler(...)`), and call
 * `super` where you override. Express warns 30 seconds ahead.
 */
open class ZegoExpressTokens(keeper: TokenKeeper, engine: ZegoExpressEngine, private val roomId: String) : IZegoEventHandler(), AutoCloseable {
    private val feed = keeper.feed { engine.renewToken(roomId, it.token) }

    override fun onRoomTokenWillExpire(roomID: String?, remainTimeInSecond: Int) {
        if (roomID == roomId) feed.expiring()
    }

    override fun close() = feed.close()
}
