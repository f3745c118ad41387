package tokenmint

import io.agora.ConnectionListener
import io.agora.chat.ChatClient

/**
 * Keeps Chat's token fresh: `ChatClient.getInstance().addConnectionListener(AgoraChatTokens(...))`. Chat warns early, at half of a token's
 * life (newer SDKs at four fifths), so here it is Chat that asks first.
 *
 * @param login logs in with a token after the last one has expired and Chat has logged the user out.
 */
class AgoraChatTokens(keeper: TokenKeeper, client: ChatClient, private val login: (MintedToken) -> Unit) : ConnectionListener, AutoCloseable {
    private val feed = keeper.feed { client.renewToken(it.token) }

    override fun onConnected() = Unit

    override fun onDisconnected(errorCode: Int) = Unit

    override fun onTokenWillExpire() = feed.expiring()

    override fun onTokenExpired() = feed.expired(login)

    override fun close() = feed.close()
}
