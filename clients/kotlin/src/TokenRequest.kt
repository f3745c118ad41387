package tokenmint

import org.json.JSONArray
import org.json.JSONObject

/** Which token to ask for. The service checks the names and values, and says which one is wrong. */
class TokenRequest private constructor(
    internal val path: List<String>,
    internal val query: List<Pair<String, String>> = emptyList(),
    /** The JSON of a POST. A request without it is a GET. */
    internal val body: JSONObject? = null,
) {
    init {
        // Servers read "." and ".." in a path as steps between folders, and drop empty parts.
        require(path.none { it.isEmpty() || it == "." || it == ".." }) { "this name cannot be a part of an address" }
    }

    /** Other services that an RTC token can also be for. */
    enum class Also { RTM, CHAT }

    companion object {
        /** Stands for the caller's own user id. */
        const val ME = "me"

        /**
         * Agora RTC, for one channel. Give [uid] or [account], never both. If you give neither, the service assigns a
         * uid. Join with the user that the answer names: with the number `uid`, or with the string `account`.
         */
        fun rtc(
            channel: String,
            uid: Long? = null,
            account: String? = null,
            publish: Boolean = false,
            with: Set<Also> = emptySet(),
            expiresIn: Int? = null,
        ): TokenRequest = TokenRequest(
            listOf("rtc", channel, "token"),
            listOfNotNull(
                uid?.let { "uid" to it.toString() },
                account?.let { "account" to it },
                if (publish) "role" to "publisher" else null,
            ) + with.map { "with" to it.name.lowercase() } + lifetime(expiresIn),
        )

        /**
         * Like [rtc], with a lifetime in seconds for each privilege:
         * `mapOf("join_channel" to 3600, "publish_audio" to 600)`.
         */
        fun rtcWithPrivileges(
            channel: String,
            privileges: Map<String, Int>,
            uid: Long? = null,
            account: String? = null,
            with: Set<Also> = emptySet(),
            expiresIn: Int? = null,
        ): TokenRequest {
            val body = JSONObject().put("privileges", JSONObject(privileges)).put("with", JSONArray(with.map { it.name.lowercase() }))
            if (privileges.keys.any { it != "join_channel" }) body.put("role", "publisher")
            uid?.let { body.put("uid", it) }
            account?.let { body.put("account", it) }
            expiresIn?.let { body.put("expires_in", it) }
            return TokenRequest(listOf("rtc", channel, "token"), body = body)
        }

        /** Agora RTM (Signaling). [version] `006` is for RTM SDK 1.x. */
        fun rtm(userId: String = ME, version: String? = null, expiresIn: Int? = null): TokenRequest =
            TokenRequest(listOf("rtm", userId, "token"), listOfNotNull(version?.let { "version" to it }) + lifetime(expiresIn))

        /** Agora Chat. */
        fun chat(userId: String = ME, expiresIn: Int? = null): TokenRequest =
            TokenRequest(listOf("chat", "user", userId, "token"), lifetime(expiresIn))

        /** ZEGO Express: every room. */
        fun zego(userId: String = ME, expiresIn: Int? = null): TokenRequest =
            TokenRequest(listOf("zego", userId, "token"), lifetime(expiresIn))

        /** ZEGO Express: one room. If [streamIds] is empty, the user may publish any stream, otherwise only these. */
        fun zegoRoom(
            roomId: String,
            userId: String = ME,
            publish: Boolean = false,
            streamIds: List<String> = emptyList(),
            expiresIn: Int? = null,
        ): TokenRequest {
            val body = JSONObject().put("room_id", roomId).put("privileges", JSONObject().put("login", true).put("publish", publish))
            body.put("stream_ids", JSONArray(streamIds))
            expiresIn?.let { body.put("expires_in", it) }
            return TokenRequest(listOf("zego", userId, "token"), body = body)
        }

        /** ZEGO ZIM. */
        fun zim(userId: String = ME, expiresIn: Int? = null): TokenRequest =
            TokenRequest(listOf("zim", userId, "token"), lifetime(expiresIn))

        private fun lifetime(expiresIn: Int?) = listOfNotNull(expiresIn?.let { "expires_in" to it.toString() })
    }
}
