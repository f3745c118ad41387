package tokenmint

import io.agora.rtc2.IRtcEngineEventHandler
import io.agora.rtc2.RtcEngine

/**
 * Keeps an RTC engine's token fresh, for one channel (`engine.addHandler(AgoraRtcTokens(...))`). RTC warns 30 seconds ahead; by then
 * the keeper has renewed, unless nothing got through.
 *
 * @param rejoin joins the channel with a token after the last one has expired.
 */
class AgoraRtcTokens(keeper: TokenKeeper, engine: RtcEngine, private val rejoin: (MintedToken) -> Unit) :
    IRtcEngineEventHandler(), AutoCloseable {
    private val feed = keeper.feed { engine.renewToken(it.token) }

    override fun onTokenPrivilegeWillExpire(token: String?) = feed.expiring()

    override fun onRequestToken() = feed.expired(rejoin)

    override fun close() = feed.close()
}
