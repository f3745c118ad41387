package tokenmint

import java.io.IOException
import java.net.InetAddress
import java.net.Proxy
import java.text.ParseException
import java.text.SimpleDateFormat
import java.util.Locale
import java.util.TimeZone
import java.util.concurrent.TimeUnit
import kotlin.coroutines.resume
import kotlin.coroutines.resumeWithException
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.suspendCancellableCoroutine
import kotlinx.coroutines.withTimeoutOrNull
import okhttp3.Authenticator
import okhttp3.Call
import okhttp3.Callback
import okhttp3.Headers
import okhttp3.HttpUrl
import okhttp3.HttpUrl.Companion.toHttpUrl
import okhttp3.MediaType.Companion.toMediaType
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody
import okhttp3.Response
import org.json.JSONException
import org.json.JSONObject

/** The version of this client. The service has the same versions. */
const val TOKENMINT_VERSION = "0.2.0"

/** A token, and what the service says about it. All times are the server's, in Unix seconds. */
class MintedToken internal constructor(
    /** The token, as the SDK takes it. It is a secret until it expires, so don't log it. */
    val token: String,
    private val answer: JSONObject,
) {
    /** `agora-rtc`, `zego-room`... */
    val kind: String get() = answer.getString("kind")
    /** The vendor's app id: 32 hexadecimal digits at Agora, a number at ZEGO. */
    val appId: String get() = answer.get("app_id").toString()
    /** The user's id. RTC has `uid` or `account` instead. */
    val userId: String? get() = text("user_id")
    /** The RTC channel. */
    val channel: String? get() = text("channel")
    /** The numeric RTC user. An RTC answer has either this or [account]. */
    val uid: Long? get() = if (answer.has("uid")) answer.getLong("uid") else null
    /** The RTC user by name. */
    val account: String? get() = text("account")
    /** The ZEGO room. */
    val roomId: String? get() = text("room_id")
    val expiresAt: Long get() = answer.getLong("expires_at")
    /** When to fetch the next one. */
    val renewAt: Long get() = answer.getLong("renew_at")

    /** How long the token and its privileges were still good when the service answered, by the server's own clock. */
    internal val expiry: Duration
    internal val renewal: Duration

    init {
        val now = answer.getLong("expires_at") - answer.getLong("expires_in")
        val privileges = answer.optJSONObject("privileges")
        val ends = privileges?.keys()?.asSequence()?.mapNotNull { privileges.optJSONObject(it)?.getLong("expires_at") }.orEmpty()
        // A privilege may end before the token. After that the token no longer does what the app needs.
        expiry = (ends.minOrNull()?.coerceAtMost(expiresAt) ?: expiresAt).minus(now).seconds
        // Wait at least a second: a renewal that is always due at once would be a loop.
        renewal = (renewAt - now).seconds.coerceAtMost(expiry).coerceAtLeast(1.seconds)
    }

    private fun text(name: String): String? = if (answer.has(name)) answer.getString(name) else null

    override fun toString(): String = "MintedToken($kind, expires at $expiresAt)"
}

/** Why there is no token. Holds neither a token nor the caller's JWT. */
class TokenException internal constructor(
    val reason: Reason,
    message: String,
    /** The HTTP status, if there was an answer. */
    val status: Int? = null,
    /** What the service says about it (RFC 9457), if it does: `type`, `title`, `detail`, `request_id`. */
    val problem: Map<String, String> = emptyMap(),
    internal val retryAfter: Duration = Duration.ZERO,
    cause: Throwable? = null,
) : Exception(message, cause) {
    enum class Reason {
        /** The service refuses, and another try would not change that (401, 403, 404, another 4xx). */
        REFUSED,
        /** The service cannot answer now, but may later (5xx, 408, 425, 429, or a redirect, which is not followed). */
        UNAVAILABLE,
        /** No answer: there is no connection, or the name doesn't resolve. */
        NETWORK,
        /** No complete answer in time. */
        TIMEOUT,
        /** The answer holds no token. It may come from a hotel's log-in page, for example. */
        BAD_ANSWER,
        /** The `jwt` function failed, or returned nothing that can be sent. */
        NO_JWT,
        /** The keeper was stopped. */
        STOPPED,
    }

    /** Whether the same request may get a token a little later. */
    val temporary: Boolean get() = reason != Reason.REFUSED && reason != Reason.STOPPED
}

/**
 * The service that gives tokens, and the JWT that says who the caller is.
 *
 * @param url the service's address, host and path.
 * @param client your app's client, so that connections are shared. Redirects, cache, cookies and its authenticator are switched
 *   off in a copy. Its interceptors stay: one that logs headers or bodies logs the JWT and the token, and one that sets
 *   `Authorization` replaces the JWT.
 * @param timeout how long one attempt may take, the [jwt] function included.
 * @param jwt returns the caller's JWT. It is called before each attempt. The JWT is sent only over HTTPS, or to this
 *   machine. Without this function requests carry no identity, and only a local run gives tokens.
 */
class TokenService(
    url: String,
    client: OkHttpClient = OkHttpClient(),
    private val timeout: Duration = 10.seconds,
    private val jwt: (suspend () -> String)? = null,
) {
    private val base: HttpUrl = url.toHttpUrl()
    private val client = client.newBuilder()
        // No redirect may take the JWT to another server, and no cache may store a token.
        .followRedirects(false)
        .followSslRedirects(false)
        .cache(null)
        .cookieJar(okhttp3.CookieJar.NO_COOKIES)
        // A 401 ends the attempt. The app's own authenticator must not send other credentials to this service.
        .authenticator(Authenticator.NONE)
        // Over plain HTTP a JWT goes to this machine alone, and so through no proxy.
        .let { if (base.isHttps) it else it.proxy(Proxy.NO_PROXY) }
        .callTimeout(timeout.inWholeMilliseconds, TimeUnit.MILLISECONDS)
        .build()

    init {
        require(base.query == null && base.fragment == null && base.username.isEmpty() && base.password.isEmpty()) {
            "the service's address must have no user, password, query or fragment"
        }
        require(jwt == null || base.isHttps || isThisMachine(base.host)) { "a JWT may be sent only over HTTPS, or to this machine" }
    }

    /**
     * Sends one request.
     *
     * @throws TokenException for any failure.
     */
    suspend fun fetch(request: TokenRequest): MintedToken =
        withTimeoutOrNull(timeout) { attempt(request) }
            ?: throw TokenException(TokenException.Reason.TIMEOUT, "The token service did not answer within $timeout.")

    private suspend fun attempt(request: TokenRequest): MintedToken {
        val url = base.newBuilder()
        // If the address ends in "/", its last part is empty. OkHttp replaces that part with our first one.
        request.path.forEach(url::addPathSegment)
        request.query.forEach { (name, value) -> url.addQueryParameter(name, value) }
        val call = Request.Builder().url(url.build()).header("Accept", "application/json").header("Cache-Control", "no-store")
        val sent = jwt?.let { bearer(it) }
        sent?.let { call.header("Authorization", "Bearer $it") }
        request.body?.let { call.post(it.toString().toRequestBody("application/json".toMediaType())) }
        val (response, text) = client.newCall(call.build()).await()
        // A server may repeat the JWT that it refuses, and exceptions end up in logs.
        val told = if (response.code != 200 && sent != null) text.replace(sent, "[JWT]") else text
        val json = try {
            JSONObject(told)
        } catch (_: JSONException) {
            JSONObject()
        } catch (_: StackOverflowError) {
            // Android's reader calls itself for each level.
            JSONObject()
        }
        if (response.code != 200) throw refusal(response, json)
        return try {
            MintedToken(json.getString("token").also { require(it.isNotEmpty()) }, json)
        } catch (_: JSONException) {
            throw badAnswer()
        } catch (_: IllegalArgumentException) {
            throw badAnswer()
        }
    }

    private suspend fun bearer(jwt: suspend () -> String): String {
        val token = try {
            jwt()
        } catch (stopped: CancellationException) {
            currentCoroutineContext().ensureActive()
            throw TokenException(TokenException.Reason.NO_JWT, "The jwt function failed, so there is no JWT to send.", cause = stopped)
        } catch (failure: Exception) {
            throw TokenException(TokenException.Reason.NO_JWT, "The jwt function failed, so there is no JWT to send.", cause = failure)
        }
        // The syntax is RFC 6750's b64token. It also keeps line breaks out of the header.
        if (!BEARER.matches(token)) throw TokenException(TokenException.Reason.NO_JWT, "The jwt function returned no JWT.")
        return token
    }

    private companion object {
        val BEARER = Regex("[A-Za-z0-9._~+/-]+=*")
        const val LONGEST_ANSWER = 1L shl 20

        fun isThisMachine(host: String): Boolean =
            host == "localhost" || host.endsWith(".localhost") ||
                // Only of an IP address, so that no name is looked up.
                (Regex("[0-9.]+|.*:.*").matches(host) && InetAddress.getByName(host).isLoopbackAddress)

        fun badAnswer() = TokenException(TokenException.Reason.BAD_ANSWER, "The answer holds no token.", status = 200)

        /** The answer with its complete body. If the coroutine is cancelled, the call ends. */
        suspend fun Call.await(): Pair<Response, String> = suspendCancellableCoroutine { waiting ->
            waiting.invokeOnCancellation { cancel() }
            enqueue(object : Callback {
                override fun onFailure(call: Call, e: IOException) {
                    // OkHttp's time-out is an InterruptedIOException. A SocketTimeoutException is one too.
                    val reason = if (e is java.io.InterruptedIOException) TokenException.Reason.TIMEOUT else TokenException.Reason.NETWORK
                    waiting.resumeWithException(TokenException(reason, "The token service cannot be reached.", cause = e))
                }

                override fun onResponse(call: Call, response: Response) {
                    val text = try {
                        response.use { it.peekBody(LONGEST_ANSWER).string() }
                    } catch (e: IOException) {
                        return onFailure(call, e)
                    }
                    waiting.resume(response to text)
                }
            })
        }

        fun refusal(response: Response, json: JSONObject): TokenException {
            val status = response.code
            // The service sends a problem, the gateway a `message`.
            val problem = listOf("type", "title", "detail", "request_id", "message")
                .filter { json.opt(it) is String }
                .associateWith { json.getString(it).take(500) }
            val why = problem["detail"] ?: problem["title"] ?: problem["message"]
            val temporary = status >= 500 || status == 408 || status == 425 || status == 429 || status < 400
            return TokenException(
                if (temporary) TokenException.Reason.UNAVAILABLE else TokenException.Reason.REFUSED,
                "The token service answered $status" + (why?.let { ": $it" } ?: ""),
                status,
                problem,
                retryAfter(response.headers),
            )
        }

        /** A date is compared with the server's own `Date`, never with this device's clock. */
        fun retryAfter(headers: Headers): Duration {
            val asked = headers["Retry-After"]?.trim() ?: return Duration.ZERO
            asked.toLongOrNull()?.let { return it.coerceAtLeast(0).seconds }
            val (then, now) = moment(asked) to moment(headers["Date"])
            return if (then == null || now == null) Duration.ZERO else (then - now).milliseconds.coerceAtLeast(Duration.ZERO)
        }

        private fun moment(text: String?): Long? = try {
            val format = SimpleDateFormat("EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.US)
            text?.let { format.apply { timeZone = TimeZone.getTimeZone("GMT") }.parse(it)?.time }
        } catch (_: ParseException) {
            null
        }
    }
}
