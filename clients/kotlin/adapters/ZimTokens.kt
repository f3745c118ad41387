package tokenmint

import im.zego.zim.ZIM
import im.zego.zim.callback.ZIMEventHandler
import im.zego.zim.callback.ZIMTokenRenewedCallback
import im.zego.zim.entity.ZIMError

/**
 * Keeps ZIM's token fresh. ZIM has only one event handler: extend this class, pass it to `zim.setEventHandler(...)`,
 * and call `super` in what you override. ZIM warns 30 seconds before the token expires.
 */
open class ZimTokens(keeper: TokenKeeper, zim: ZIM, private val onResult: (ZIMError?) -> Unit) : ZIMEventHandler(), AutoCloseable {
    private val feed = keeper.feed {
        zim.renewToken(it.token, object : ZIMTokenRenewedCallback {
            override fun onTokenRenewed(token: String?, errorInfo: ZIMError?) = onResult(errorInfo)
        })
    }

    override fun onTokenWillExpire(zim: ZIM?, second: Int) = feed.expiring()

    override fun close() = feed.close()
}
