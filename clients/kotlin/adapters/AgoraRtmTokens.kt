package tokenmint

import io.agora.rtm.ErrorInfo
import io.agora.rtm.ResultCallback
import io.agora.rtm.RtmClient
import io.agora.rtm.RtmEventListener

/**
 * Keeps an RTM 2.x (Signaling) client's token fresh: `client.addEventListener(AgoraRtmTokens(...))`. RTM warns 30
 * seconds before the token expires.
 */
class AgoraRtmTokens(keeper: TokenKeeper, client: RtmClient, onFailure: (ErrorInfo?) -> Unit) : RtmEventListener, AutoCloseable {
    private val feed = keeper.feed {
        client.renewToken(it.token, object : ResultCallback<Void> {
            override fun onSuccess(responseInfo: Void?) = Unit
            override fun onFailure(errorInfo: ErrorInfo?) = onFailure(errorInfo)
        })
    }

    override fun onTokenPrivilegeWillExpire(channelName: String?) = feed.expiring()

    override fun close() = feed.close()
}
