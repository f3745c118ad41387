/**
 * Tests the keeper with the running service (TOKENMINT_URL), and with servers that answer as a test wants. Tests move
 * the clocks. The program runs all tests. Its exit code is the number of failed ones.
 */

import com.sun.net.httpserver.HttpExchange
import com.sun.net.httpserver.HttpServer
import io.agora.rtc2.RtcEngine
import io.agora.rtm.ResultCallback
import io.agora.rtm.RtmClient
import io.agora.chat.ChatClient
import im.zego.zegoexpress.ZegoExpressEngine
import im.zego.zim.ZIM
import im.zego.zim.callback.ZIMTokenRenewedCallback
import im.zego.zim.entity.ZIMError
import java.net.InetAddress
import java.net.InetSocketAddress
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.Executors
import kotlin.system.exitProcess
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertNotEquals
import kotlin.test.assertNull
import kotlin.test.assertSame
import kotlin.test.assertTrue
import kotlin.time.Duration
import kotlin.time.Duration.Companion.hours
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineExceptionHandler
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancel
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import org.json.JSONArray
import org.json.JSONObject
import tokenmint.AgoraChatTokens
import tokenmint.AgoraRtcTokens
import tokenmint.AgoraRtmTokens
import tokenmint.DeviceClock
import tokenmint.MintedToken
import tokenmint.TokenException
import tokenmint.TokenException.Reason
import tokenmint.TokenKeeper
import tokenmint.TokenRequest
import tokenmint.TokenService
import tokenmint.ZegoExpressTokens
import tokenmint.ZimTokens
import tokenmint.hashedUserId

val tokenmint: String = System.getenv("TOKENMINT_URL")

/** Clocks that stand still until a test moves them. */
class FakeClock : DeviceClock {
    private class Nap(val until: Long, val end: CompletableDeferred<Unit>)

    private var monotonic = 1_000L
    // Far from the real time, as a device's clock may be.
    private var wall = 86_400_000L
    private val naps = mutableListOf<Nap>()

    @Synchronized override fun monotonic() = monotonic

    @Synchronized override fun wall() = wall

    override suspend fun sleep(duration: Duration) {
        val nap = synchronized(this) {
            begun += 1
            Nap(monotonic + duration.inWholeMilliseconds + 1, CompletableDeferred()).also(naps::add)
        }
        try {
            nap.end.await()
        } finally {
            synchronized(this) { naps.remove(nap) }
        }
    }

    /** How often somebody has begun to sleep. */
    @get:Synchronized var begun = 0
        private set

    /**
     * Moves the clocks from one nap's end to the next, so that a sleeper that wakes can sleep again first. It waits
     * until somebody sleeps, because a keeper that has just reported a failure does not sleep yet. If nobody will
     * sleep, pass [nobodySleeps].
     */
    suspend fun pass(duration: Duration, nobodySleeps: Boolean = false) {
        if (!nobodySleeps) eventually("somebody sleeps") { pending() > 0 }
        val end = monotonic() + duration.inWholeMilliseconds
        while (monotonic() < end) {
            val next = synchronized(this) { naps.minOfOrNull { it.until } } ?: end
            move(minOf(next, end) - monotonic())
            // A sleeper that takes longer only wakes late, which is harmless.
            repeat(20) { if (pending() == 0) delay(1) }
        }
    }

    @Synchronized private fun pending() = naps.size

    @Synchronized private fun move(milliseconds: Long) {
        monotonic += maxOf(0, milliseconds)
        wall += maxOf(0, milliseconds)
        naps.removeAll { (it.until <= monotonic).also { due -> if (due) it.end.complete(Unit) } }
    }

    /** The device sleeps: timers and the monotonic clock stop, the wall clock goes on. */
    @Synchronized fun deviceSleeps(duration: Duration) { wall += duration.inWholeMilliseconds }

    /** Somebody sets the clock. */
    @Synchronized fun isSet(by: Duration) { wall += by.inWholeMilliseconds }
}

class Asked(val method: String, val path: String, val authorization: String?, val body: String)

class Said(val status: Int, val body: String, val headers: Map<String, String> = emptyMap())

/** A server that answers as a test wants. */
class Server(private val answer: (Int, HttpExchange) -> Said) : AutoCloseable {
    val asked = CopyOnWriteArrayList<Asked>()
    private val threads = Executors.newCachedThreadPool { Thread(it).apply { isDaemon = true } }
    private val http = HttpServer.create(InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 50).apply {
        executor = threads
        createContext("/") { exchange ->
            val body = exchange.requestBody.readBytes().decodeToString()
            val count = synchronized(asked) {
                val uri = exchange.requestURI
                asked += Asked(exchange.requestMethod, uri.rawPath + (uri.rawQuery?.let { "?$it" } ?: ""), exchange.requestHeaders.getFirst("Authorization"), body)
                asked.size
            }
            val said = answer(count, exchange)
            said.headers.forEach { (name, value) -> exchange.responseHeaders.set(name, value) }
            if ("Content-Type" !in said.headers) exchange.responseHeaders.set("Content-Type", "application/json")
            val bytes = said.body.toByteArray()
            exchange.sendResponseHeaders(said.status, if (bytes.isEmpty()) -1 else bytes.size.toLong())
            exchange.responseBody.use { it.write(bytes) }
        }
        start()
    }
    val url = "http://127.0.0.1:${http.address.port}"

    override fun close() {
        http.stop(0)
        threads.shutdownNow()
    }
}

/** An answer with a token. The server's clock is in another year than the device's. */
fun minted(number: Int, expiresIn: Int = 3600, renewIn: Int = 3000, more: Map<String, Any> = emptyMap()): Said {
    val now = 1_700_000_000
    val answer = mapOf(
        "token" to "007eJx$number", "kind" to "agora-rtm", "app_id" to "0".repeat(32), "user_id" to "alice",
        "issued_at" to now, "expires_at" to now + expiresIn, "expires_in" to expiresIn, "renew_at" to now + renewIn,
    )
    return Said(200, JSONObject(answer + more).toString())
}

fun problem(status: Int, headers: Map<String, String> = emptyMap()): Said {
    val body = JSONObject(mapOf("type" to "urn:tokenmint:problem:x", "title" to "No.", "status" to status, "detail" to "because", "request_id" to "r-1"))
    return Said(status, body.toString(), headers + ("Content-Type" to "application/problem+json"))
}

/** The user got as many tokens as one user may get in a minute. */
fun tooManyTokens(retryAfter: Int): Said {
    val body = mapOf(
        "type" to "urn:tokenmint:problem:too-many-tokens", "title" to "This caller got too many tokens.", "status" to 429,
        "detail" to "the caller got too many tokens in a minute (MINTS_PER_MINUTE): keep a token until its renew_at", "request_id" to "r-1",
    )
    return Said(429, JSONObject(body).toString(), mapOf("Content-Type" to "application/problem+json", "Retry-After" to "$retryAfter"))
}

/** A keeper, its clock, and everything that its callbacks got. */
class Kept(url: String, patience: Duration = 20.seconds, timeout: Duration = 5.seconds, jwt: (suspend () -> String)? = null, onToken: (MintedToken) -> Unit = {}) {
    val clock = FakeClock()
    val uncaught = CopyOnWriteArrayList<Throwable>()
    val scope = CoroutineScope(Dispatchers.Default + SupervisorJob() + CoroutineExceptionHandler { _, mistake -> uncaught += mistake })
    val tokens = CopyOnWriteArrayList<String>()
    val retries = CopyOnWriteArrayList<Pair<TokenException, Duration>>()
    val errors = CopyOnWriteArrayList<TokenException>()
    val keeper = TokenKeeper(
        TokenService(url, timeout = timeout, jwt = jwt), TokenRequest.rtm(), scope, clock, patience,
        onRetry = { error, delay -> retries += error to delay },
        onError = { errors += it },
        onToken = { tokens += it.token; onToken(it) },
    )
}

suspend fun eventually(what: String, true_: () -> Boolean) {
    val end = System.nanoTime() + 15_000_000_000
    while (!true_()) {
        assertTrue(System.nanoTime() < end, "never: $what")
        delay(5)
    }
}

/** Reads Agora's tokens with the vendor's own package. */
fun verdicts(tokens: List<MintedToken>): List<JSONObject> {
    val agora = JSONObject(java.io.File("tests/demo-credentials.json").readText()).getJSONObject("agora")
    val cases = tokens.map {
        JSONObject(mapOf("token" to it.token, "app_id" to agora["app_id"], "app_certificate" to agora["app_certificate"], "channel" to (it.userId ?: ""), "uid" to ""))
    }
    val verifier = ProcessBuilder("node", "tools/harness/verifiers/agora.mjs").redirectError(ProcessBuilder.Redirect.INHERIT).start()
    verifier.outputStream.use { it.write(JSONArray(cases).toString().toByteArray()) }
    val said = JSONArray(verifier.inputStream.readBytes().decodeToString())
    assertEquals(tokens.size, said.length())
    return List(said.length()) { said.getJSONObject(it) }
}

val tests: Map<String, suspend () -> Unit> = mapOf(
    "the service mints each kind" to suspend {
        val service = TokenService(tokenmint)
        val uid = service.fetch(TokenRequest.rtc("demo room#1", uid = 4_294_967_295, publish = true))
        assertEquals(listOf<Any?>("agora-rtc", "demo room#1", 4_294_967_295, null), listOf(uid.kind, uid.channel, uid.uid, uid.account))
        val account = service.fetch(TokenRequest.rtc("demo", account = "a+b@c", with = setOf(TokenRequest.Also.RTM), expiresIn = 600))
        assertEquals(listOf<Any?>(null, "a+b@c"), listOf(account.uid, account.account))
        assertEquals(600, account.expiresAt - JSONObject(verdicts(listOf(account))[0].toString()).getLong("issue_ts"))
        val privileges = service.fetch(TokenRequest.rtcWithPrivileges("demo", mapOf("join_channel" to 3600, "publish_audio" to 600), uid = 7))
        val rtm = service.fetch(TokenRequest.rtm("a/b #?%"))
        assertEquals("a/b #?%", rtm.userId)
        val older = service.fetch(TokenRequest.rtm("alice", version = "006"))
        assertTrue(older.token.startsWith("006"))
        val chat = service.fetch(TokenRequest.chat("alice"))
        assertEquals("agora-chat-user", chat.kind)
        for (verdict in verdicts(listOf(uid, account, privileges, rtm, older, chat))) assertTrue(verdict.getBoolean("valid"), "$verdict")
        assertEquals("zego-basic", service.fetch(TokenRequest.zego("alice")).kind)
        val room = service.fetch(TokenRequest.zegoRoom("demo", "alice", publish = true, streamIds = listOf("s1")))
        assertEquals(listOf("zego-room", "demo", "1234567890"), listOf(room.kind, room.roomId, room.appId))
        assertEquals("zego-zim", service.fetch(TokenRequest.zim("alice")).kind)
        val wrong = assertFailsWith<TokenException> { service.fetch(TokenRequest.chat("Alice")) }
        assertEquals(listOf<Any?>(Reason.REFUSED, 400), listOf(wrong.reason, wrong.status))
        assertEquals("urn:tokenmint:problem:bad-parameter", wrong.problem["type"])
        for (name in listOf("", ".", "..")) assertFailsWith<IllegalArgumentException> { TokenRequest.chat(name) }
    },
    "another user's id is the one that the service gives to the vendors" to suspend {
        val cases = JSONArray(java.io.File("tests/user-ids.json").readText())
        assertTrue(cases.length() > 10)
        val usual = java.util.Locale.getDefault()
        // In this language a number has other digits.
        for (locale in listOf(usual, java.util.Locale.forLanguageTag("ar-EG-u-nu-arab"))) {
            java.util.Locale.setDefault(locale)
            for (at in 0 until cases.length()) {
                val case = cases.getJSONObject(at)
                assertEquals(case.getString("user_id"), hashedUserId(case.getString("claim")), case.getString("claim"))
            }
        }
        java.util.Locale.setDefault(usual)
        assertFailsWith<IllegalArgumentException> { hashedUserId("") }
    },
    "however many ask, one request goes out" to suspend {
        Server { count, _ -> Thread.sleep(300); minted(count) }.use { server ->
            val kept = Kept(server.url)
            val all = coroutineScopeOf(50) { kept.keeper.token() }
            assertEquals(setOf("007eJx1"), all.map { it.token }.toSet())
            assertEquals(1, server.asked.size)
            assertEquals("/rtm/me/token", server.asked[0].path)
            kept.keeper.stop()
        }
    },
    "it renews when the server says" to suspend {
        Server { count, _ -> minted(count) }.use { server ->
            val kept = Kept(server.url)
            val first = kept.keeper.token()
            kept.clock.pass(2995.seconds)
            assertEquals(1, server.asked.size)
            assertSame(first, kept.keeper.token())
            kept.clock.pass(10.seconds)
            eventually("a second token") { kept.tokens.size == 2 }
            assertEquals("007eJx2", kept.keeper.token().token)
            kept.clock.pass(3005.seconds)
            eventually("a third token") { kept.tokens == listOf("007eJx1", "007eJx2", "007eJx3") }
            kept.keeper.stop()
        }
    },
    "a device that slept gets a new token when it wakes" to suspend {
        Server { count, _ -> minted(count) }.use { server ->
            val kept = Kept(server.url)
            kept.keeper.token()
            kept.clock.deviceSleeps(1.hours)
            assertNull(kept.keeper.current, "it ended in the sleep")
            kept.keeper.wake()
            eventually("a second token") { kept.tokens.size == 2 }
            // Without `wake` the keeper looks every half minute. A caller of `token` gets a good one at once.
            kept.clock.deviceSleeps(1.hours)
            kept.clock.pass(31.seconds)
            eventually("a third token") { kept.tokens.size == 3 }
            kept.clock.deviceSleeps(1.hours)
            assertEquals("007eJx4", kept.keeper.token().token)
            kept.keeper.stop()
        }
    },
    "a clock that is set ends nothing" to suspend {
        Server { count, _ -> minted(count) }.use { server ->
            val kept = Kept(server.url)
            kept.keeper.token()
            kept.clock.isSet((-48).hours)
            assertEquals("007eJx1", kept.keeper.token().token)
            kept.clock.pass(2999.seconds)
            assertEquals(1, server.asked.size)
            kept.clock.pass(5.seconds)
            eventually("a second token") { kept.tokens.size == 2 }
            kept.clock.isSet(48.hours)
            assertEquals("007eJx3", kept.keeper.token().token)
            kept.keeper.stop()
        }
    },
    "failures are retried, later and later" to suspend {
        // After a 408 OkHttp itself sends the request once more.
        Server { count, _ -> if (count <= 10) problem(listOf(500, 502, 503, 504, 429, 408, 408, 425, 302, 500)[count - 1]) else minted(count) }.use { server ->
            val kept = Kept(server.url)
            val token = kept.scope.async { kept.keeper.token() }
            for (failed in 1..9) {
                eventually("$failed failures") { kept.retries.size >= failed }
                assertTrue(kept.retries[failed - 1].second <= minOf(30_000, 500 shl (failed - 1)).milliseconds, "${kept.retries}")
                kept.clock.pass(31.seconds)
            }
            assertEquals("007eJx11", token.await().token)
            assertEquals(11, server.asked.size)
            assertEquals(listOf(500, 502, 503, 504, 429, 408, 425, 302, 500), kept.retries.map { it.first.status })
            assertEquals(9, kept.retries.map { it.second }.toSet().size, "it is jittered")
            assertTrue(kept.retries.all { it.first.reason == Reason.UNAVAILABLE && it.first.temporary })
            kept.keeper.stop()
        }
    },
    "not before Retry-After" to suspend {
        val dates = mapOf("Retry-After" to "Wed, 15 Nov 2023 00:00:40 GMT", "Date" to "Wed, 15 Nov 2023 00:00:00 GMT")
        Server { count, _ -> listOf(problem(503, mapOf("Retry-After" to "20")), problem(429, dates), problem(503, mapOf("Retry-After" to "999999999")), minted(4))[count - 1] }.use { server ->
            val kept = Kept(server.url)
            val token = kept.scope.async { kept.keeper.token() }
            eventually("a failure") { kept.retries.size == 1 }
            kept.clock.pass(19.seconds)
            // Neither a new network nor a look at the clock may shorten the wait.
            val before = kept.clock.begun
            kept.keeper.wake(networkIsBack = true)
            eventually("it sleeps on") { kept.clock.begun > before }
            assertEquals(1, server.asked.size)
            kept.clock.pass(2.seconds)
            eventually("a second failure") { kept.retries.size == 2 }
            // The dates of a planned answer may be any. If the JDK's server sets the Date itself, it takes this
            // machine's clock.
            assertTrue(kept.retries[1].second < 600.seconds + 1.seconds)
            kept.clock.pass(602.seconds)
            eventually("a third failure") { kept.retries.size == 3 }
            assertTrue(kept.retries[2].second in 600.seconds..602.seconds)
            kept.clock.pass(603.seconds)
            assertEquals("007eJx4", token.await().token)
            kept.keeper.stop()
        }
    },
    "a user who gets no more tokens keeps theirs until Retry-After" to suspend {
        Server { count, _ -> if (count == 2) tooManyTokens(20) else if (count == 3) tooManyTokens(5) else minted(count) }.use { server ->
            val kept = Kept(server.url)
            kept.keeper.token()
            kept.clock.pass(3003.seconds)
            eventually("a failure") { kept.retries.size == 1 }
            val (error, wait) = kept.retries[0]
            assertEquals(listOf<Any?>(Reason.UNAVAILABLE, 429, "urn:tokenmint:problem:too-many-tokens"), listOf(error.reason, error.status, error.problem["type"]))
            assertTrue(wait in 20.seconds..21.seconds, "$wait")
            // Neither an SDK that warns nor a new network makes it ask earlier.
            val renewed = kept.scope.async { kept.keeper.renew() }
            // The clock may have gone on for three seconds since the failure.
            kept.clock.pass(16.seconds)
            val before = kept.clock.begun
            kept.keeper.wake(networkIsBack = true)
            eventually("it sleeps on") { kept.clock.begun > before }
            assertEquals("007eJx1", kept.keeper.token().token)
            assertEquals(2, server.asked.size)
            kept.clock.pass(5.seconds)
            eventually("a second failure") { kept.retries.size == 2 }
            assertEquals("007eJx1", kept.keeper.current?.token)
            kept.clock.pass(7.seconds)
            assertEquals("007eJx4", renewed.await().token)
            assertEquals(4, server.asked.size)
            assertEquals(emptyList(), kept.errors.toList())
            kept.keeper.stop()
        }
    },
    "a refusal ends it, until somebody asks again" to suspend {
        for (status in listOf(400, 401, 403, 404, 413)) {
            Server { count, _ -> if (count == 3) minted(count) else problem(status) }.use { server ->
                val kept = Kept(server.url)
                val error = assertFailsWith<TokenException> { kept.keeper.token() }
                assertEquals(listOf<Any?>(Reason.REFUSED, status, "because", "r-1"), listOf(error.reason, error.status, error.problem["detail"], error.problem["request_id"]))
                assertFalse(error.temporary)
                kept.clock.pass(120.seconds, nobodySleeps = true)
                assertEquals(1, server.asked.size)
                assertEquals(1, kept.errors.size)
                assertFailsWith<TokenException> { kept.keeper.token() }
                assertEquals("007eJx3", kept.keeper.token().token)
                kept.keeper.stop()
            }
        }
    },
    "a refused renewal leaves the token at hand" to suspend {
        Server { count, _ -> if (count == 1) minted(count) else problem(403) }.use { server ->
            val kept = Kept(server.url)
            kept.keeper.token()
            kept.clock.pass(3003.seconds)
            eventually("an error") { kept.errors.size == 1 }
            assertEquals("007eJx1", kept.keeper.token().token)
            kept.clock.pass(100.seconds, nobodySleeps = true)
            assertEquals(2, server.asked.size)
            kept.keeper.stop()
        }
    },
    "a network that is back is tried at once" to suspend {
        val port = Server { count, _ -> minted(count) }.use { it.url }
        val kept = Kept(port)
        val token = kept.scope.async { kept.keeper.token() }
        repeat(6) { failed ->
            eventually("failure ${failed + 1}") { kept.retries.size > failed }
            if (failed < 5) kept.clock.pass(31.seconds)
        }
        assertEquals(Reason.NETWORK, kept.retries[0].first.reason)
        val before = kept.retries.size
        delay(50)
        kept.keeper.wake(networkIsBack = true)
        eventually("another attempt") { kept.retries.size > before }
        kept.keeper.stop()
        assertEquals(Reason.STOPPED, assertFailsWith<TokenException> { token.await() }.reason)
    },
    "patience ends before the trying does" to suspend {
        Server { count, _ -> if (count <= 2) problem(503) else minted(count) }.use { server ->
            val kept = Kept(server.url, patience = 300.milliseconds)
            assertEquals(503, assertFailsWith<TokenException> { kept.keeper.token() }.status)
            kept.clock.pass(1.seconds)
            eventually("a second failure") { kept.retries.size == 2 }
            kept.clock.pass(2.seconds)
            eventually("a token") { kept.tokens.size == 1 }
            kept.keeper.stop()
        }
    },
    "the JWT is asked for anew, and goes nowhere else" to suspend {
        val elsewhere = Server { count, _ -> minted(count) }
        Server { count, _ -> if (count == 1) Said(307, "", mapOf("Location" to elsewhere.url)) else minted(count) }.use { server ->
            var asked = 0
            val kept = Kept(server.url, jwt = { "head.body.sig-${++asked}" })
            val token = kept.scope.async { kept.keeper.token() }
            eventually("a failure") { kept.retries.size == 1 }
            kept.clock.pass(1.seconds)
            token.await()
            assertEquals(listOf<String?>("Bearer head.body.sig-1", "Bearer head.body.sig-2"), server.asked.map { it.authorization })
            assertEquals(0, elsewhere.asked.size)
            val seen = kept.retries.toString() + kept.keeper.current + kept.keeper
            assertFalse("head.body" in seen || "007eJx" in seen, seen)
            kept.keeper.stop()
        }
        elsewhere.close()
        for (url in listOf("http://tokens.example.com", "http://127.0.0.1.example.com", "http://10.0.0.1", "https://u:p@tokens.example.com", "https://tokens.example.com?a=b")) {
            assertFailsWith<IllegalArgumentException>(url) { TokenService(url) { "jwt" } }
        }
        for (url in listOf("https://tokens.example.com/base/", "http://localhost:9000", "http://127.0.0.2", "http://[::1]:9000")) TokenService(url) { "jwt" }
    },
    "without a JWT nothing is asked" to suspend {
        Server { count, _ -> minted(count) }.use { server ->
            val bad = ArrayDeque<() -> String>(listOf({ error("signed out") }, { throw CancellationException("of another") }, { "a\r\nx: y" }, { "" }))
            val kept = Kept(server.url, jwt = { bad.removeFirstOrNull()?.invoke() ?: "good" })
            val token = kept.scope.async { kept.keeper.token() }
            for (failed in 1..4) {
                eventually("$failed failures") { kept.retries.size >= failed }
                kept.clock.pass(31.seconds)
            }
            assertEquals("007eJx1", token.await().token)
            assertEquals(List(4) { Reason.NO_JWT }, kept.retries.map { it.first.reason })
            assertEquals(1, server.asked.size)
            kept.keeper.stop()
        }
    },
    "whoever is cancelled leaves the others alone" to suspend {
        Server { count, _ -> Thread.sleep(400); minted(count) }.use { server ->
            val kept = Kept(server.url)
            val gone = kept.scope.async { kept.keeper.token() }
            val stays = kept.scope.async { kept.keeper.token() }
            delay(100)
            gone.cancel()
            assertEquals("007eJx1", stays.await().token)
            assertFailsWith<CancellationException> { gone.await() }
            assertEquals(1, server.asked.size)
            kept.keeper.stop()
        }
    },
    "a stopped keeper does nothing more" to suspend {
        Server { count, _ -> Thread.sleep(300); minted(count) }.use { server ->
            for (end in listOf<(Kept) -> Unit>({ it.keeper.stop() }, { it.scope.cancel() })) {
                val kept = Kept(server.url)
                val outside = CoroutineScope(Dispatchers.Default)
                val waits = outside.async { kept.keeper.token() }
                delay(100)
                end(kept)
                assertEquals(Reason.STOPPED, assertFailsWith<TokenException> { waits.await() }.reason)
                assertEquals(Reason.STOPPED, assertFailsWith<TokenException> { kept.keeper.renew() }.reason)
                assertNull(kept.keeper.current)
                assertEquals(emptyList(), kept.tokens.toList())
            }
            val before = server.asked.size
            val kept = Kept(server.url)
            kept.keeper.token()
            kept.keeper.stop()
            kept.clock.pass(3600.seconds, nobodySleeps = true)
            assertEquals(before + 1, server.asked.size)
            assertFailsWith<TokenException> { kept.keeper.token() }
        }
    },
    "a listener's mistake is reported and ends nothing" to suspend {
        Server { count, _ -> minted(count) }.use { server ->
            val kept = Kept(server.url, onToken = { error("a mistake") })
            val told = CopyOnWriteArrayList<String>()
            val subscription = kept.keeper.subscribe { told += it.token }
            kept.keeper.token()
            eventually("a report") { kept.uncaught.size == 1 && kept.uncaught[0].message == "a mistake" }
            kept.clock.pass(3003.seconds)
            eventually("a second token") { told.size == 2 }
            subscription.close()
            kept.clock.pass(3003.seconds)
            eventually("a third token") { kept.tokens.size == 3 }
            assertEquals(2, told.size)
            kept.keeper.stop()
        }
    },
    "the SDKs get each new token, and the next one when they ask" to suspend {
        Server { count, _ -> minted(count) }.use { server ->
            val kept = Kept(server.url)
            val given = CopyOnWriteArrayList<String>()
            val engine = object : RtcEngine() { override fun renewToken(token: String): Int { given += "rtc $token"; return 0 } }
            val rtmClient = object : RtmClient() { override fun renewToken(token: String, callback: ResultCallback<Void>) { given += "rtm $token"; callback.onSuccess(null) } }
            val chatClient = object : ChatClient() { override fun renewToken(token: String) { given += "chat $token" } }
            val express = object : ZegoExpressEngine() { override fun renewToken(roomID: String, token: String) { given += "zego $roomID $token" } }
            val zimClient = object : ZIM() { override fun renewToken(token: String, callback: ZIMTokenRenewedCallback) { given += "zim $token"; callback.onTokenRenewed(token, ZIMError()) } }
            val rtc = AgoraRtcTokens(kept.keeper, engine) { given += "rejoin ${it.token}" }
            val rtm = AgoraRtmTokens(kept.keeper, rtmClient) {}
            val chat = AgoraChatTokens(kept.keeper, chatClient) { given += "login ${it.token}" }
            val zego = ZegoExpressTokens(kept.keeper, express, "demo")
            val zim = ZimTokens(kept.keeper, zimClient) {}
            suspend fun gives(vararg expected: String) {
                eventually(expected.toList().toString() + given) { given.sorted() == expected.sorted() }
                given.clear()
            }
            fun all(token: Int) = arrayOf("rtc", "rtm", "chat", "zego demo", "zim").map { "$it 007eJx$token" }.toTypedArray()
            kept.keeper.token()
            gives(*all(1))
            // The SDK warns although the token is new, so it has missed that token.
            rtc.onTokenPrivilegeWillExpire("old")
            gives("rtc 007eJx1")
            val warnings = listOf({ rtc.onTokenPrivilegeWillExpire("old") }, { rtm.onTokenPrivilegeWillExpire("") }, { chat.onTokenWillExpire() }, { zego.onRoomTokenWillExpire("demo", 30) }, { zim.onTokenWillExpire(zimClient, 30) })
            warnings.forEachIndexed { index, warn ->
                kept.clock.pass(10.seconds)
                warn()
                gives(*all(index + 2))
            }
            kept.clock.pass(10.seconds)
            zego.onRoomTokenWillExpire("another room", 30)
            rtc.onRequestToken()
            gives("rejoin 007eJx7", *all(7))
            kept.clock.pass(10.seconds)
            chat.onTokenExpired()
            gives("login 007eJx8", *all(8))
            listOf(rtc, rtm, chat, zego, zim).forEach { it.close() }
            kept.clock.pass(10.seconds)
            kept.keeper.renew()
            assertEquals(emptyList(), given.toList())
            assertNotEquals("007eJx8", kept.keeper.token().token)
            kept.keeper.stop()
        }
    },
)

suspend fun <T> coroutineScopeOf(count: Int, ask: suspend () -> T): List<T> =
    CoroutineScope(Dispatchers.Default).let { scope -> List(count) { scope.async { ask() } }.awaitAll() }

fun main() {
    var failed = 0
    val all = tests + rulesOfAllClients
    for ((name, test) in all) {
        try {
            runBlocking { withTimeout(60.seconds) { test() } }
            println("ok      $name")
        } catch (failure: Throwable) {
            failed += 1
            println("FAILED  $name")
            failure.printStackTrace(System.out)
        }
    }
    println("Kotlin: ${all.size - failed} passed, $failed failed")
    exitProcess(failed)
}
