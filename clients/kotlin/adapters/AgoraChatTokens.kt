package tokenmint

import io.agora.ConnectionListener
import io.agora.chat.ChatClient

/**
 * Keeps Chat's token fresh: `ChatClient.getInstance().addConnectionListener(AgoraChatTokens(...))`. Chat warns after
 * half of the token's life, newer SDKs after 80 % of it. So Chat usually asks before the keeper's own renewal.
 *
 * @param login logs in with the new token, after the old one has expired and Chat has logged the user out.
 */
class AgoraChatTokens(keeper: TokenKeeper, client: ChatClient, private val login: (MintedToken) -> Unit) : ConnectionListener, AutoCloseable {
    private val feed = keeper.feed { client.renewToken(it.token) }

    override fun onConnected() = Unit

    override fun onDisconnected(errorCode: Int) = Unit

    override fun onTokenWillExpire() = feed.expiring()

    override fun onTokenExpired() = feed.expired(login)

    override fun close() = feed.close()
}
