package tokenmint

import io.agora.rtc2.IRtcEngineEventHandler
import io.agora.rtc2.RtcEngine

/**
 * Keeps an RTC engine's token fresh, for one channel (`engine.addHandler(AgoraRtcTokens(...))`). RTC warns 30 seconds
 * before the token expires. By then the keeper has a new token, unless it could not reach the service.
 *
 * @param rejoin joins the channel with the new token, after the old one has expired.
 */
class AgoraRtcTokens(keeper: TokenKeeper, engine: RtcEngine, private val rejoin: (MintedToken) -> Unit) :
    IRtcEngineEventHandler(), AutoCloseable {
    private val feed = keeper.feed { engine.renewToken(it.token) }

    override fun onTokenPrivilegeWillExpire(token: String?) = feed.expiring()

    override fun onRequestToken() = feed.expired(rejoin)

    override fun close() = feed.close()
}
