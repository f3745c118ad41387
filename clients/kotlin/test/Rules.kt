/**
 * The rules that all clients keep: `clients/rules/cases.json`. The server beside it gives the answers.
 */

import java.io.File
import java.net.URI
import java.util.UUID
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlin.time.DurationUnit
import kotlinx.coroutines.async
import okhttp3.OkHttpClient
import org.json.JSONArray
import org.json.JSONObject
import tokenmint.TokenException
import tokenmint.TokenException.Reason
import tokenmint.TokenRequest
import tokenmint.TokenService

private val rules = JSONObject(File("clients/rules/cases.json").readText())

/** The server of the rules. It ends with this program. */
private val server: String by lazy {
    val process = ProcessBuilder("python3", "clients/rules/server.py").redirectError(ProcessBuilder.Redirect.INHERIT).start()
    "http://127.0.0.1:${process.inputStream.bufferedReader().readLine()}"
}

/** One run of a case. */
private class Run(case: String) {
    val url = "$server/${UUID.randomUUID()}/$case"

    val asked: List<JSONObject> get() = JSONArray(URI("$url/asked").toURL().readText()).objects()
}

private fun JSONArray.objects(): List<JSONObject> = List(length()) { getJSONObject(it) }

private val Reason.inTheTable get() = name.lowercase().replace('_', '-')

/** After a 408 OkHttp itself sends the request once more. */
private fun sentByOkHttp(case: String) = if (case == "408") 1 else 0

private suspend fun answered(rule: JSONObject) {
    val what = "${rule.getString("case")}: ${rule.getString("what")}"
    val run = Run(rule.getString("case"))
    val kept = Kept(run.url, timeout = rule.optDouble("timeout", 10.0).seconds, jwt = { "head.body.sig" })
    val token = kept.scope.async { runCatching { kept.keeper.token() } }
    val failures = rule.getJSONArray("failures").objects()
    // The second answer to a 408 is the token, and OkHttp has asked for it.
    val retried = if (sentByOkHttp(rule.getString("case")) > 0) emptyList() else failures.filter { it.has("wait") }
    retried.forEachIndexed { number, failure ->
        eventually("$what, failure ${number + 1}") { kept.retries.size > number }
        val (error, wait) = kept.retries[number]
        assertEquals(failure.getString("reason"), error.reason.inTheTable, "$what, failure ${number + 1}: $error")
        assertTrue(error.temporary, what)
        val bounds = failure.getJSONArray("wait")
        assertTrue(wait.toDouble(DurationUnit.SECONDS) in bounds.getDouble(0)..bounds.getDouble(1), "$what, failure ${number + 1} waits $wait")
        kept.clock.pass(wait + 2.milliseconds)
    }
    val ended = token.await().exceptionOrNull()
    assertEquals(rule.getString("ends"), if (ended == null) "token" else (ended as TokenException).reason.inTheTable, "$what: $ended")
    assertFalse("head.body" in "$ended ${ended?.problem}", "$what: $ended")
    assertEquals(retried.size, kept.retries.size, what)
    val waited = kept.retries.sumOf { it.second.toDouble(DurationUnit.SECONDS) }
    assertTrue(waited >= rule.optDouble("waits_in_all", 0.0), "$what: $waited s in all")
    assertEquals(failures.filter { !it.has("wait") }.map { it.getString("reason") }, kept.errors.map { it.reason.inTheTable }, what)
    val asked = run.asked
    assertEquals(List(rule.getInt("asked")) { "/rtm/me/token" }, asked.map { it.getString("path") }, what)
    assertEquals(setOf("127.0.0.1"), asked.map { it.getString("host") }.toSet(), what)
    assertEquals(setOf("Bearer head.body.sig"), asked.map { it.getString("authorization") }.toSet(), what)
    kept.keeper.stop()
}

private suspend fun renewed(rule: JSONObject) {
    val what = "${rule.getString("case")}: ${rule.getString("what")}"
    val run = Run(rule.getString("case"))
    val kept = Kept(run.url)
    kept.keeper.token()
    var passed = Duration.ZERO
    suspend fun passTo(moment: Duration) {
        kept.clock.pass(moment - passed, nobodySleeps = kept.errors.isNotEmpty())
        passed = moment
    }
    val (renewal, end) = rule.getDouble("renewed_at").seconds to rule.getDouble("good_until").seconds
    // The renewal is refused. So the token stays good until its own end.
    val steps = listOf<Pair<Duration, suspend () -> Unit>>(
        renewal to {
            assertEquals(1, run.asked.size, what)
            passTo(renewal + 3.milliseconds)
            eventually("$what, a renewal") { run.asked.size == 2 && kept.errors.size == 1 }
        },
        end to {
            assertNotNull(kept.keeper.current, what)
            passTo(end + 3.milliseconds)
            assertNull(kept.keeper.current, what)
        },
    )
    for ((moment, step) in steps.sortedBy { it.first }) {
        passTo(moment - 500.milliseconds)
        step()
    }
    kept.keeper.stop()
}

val rulesOfAllClients: Map<String, suspend () -> Unit> = mapOf(
    "a case of each answer" to suspend {
        val cases = rules.getJSONArray("answers").objects()
        assertTrue(cases.size > 20)
        for (case in cases) answered(case)
    },
    "a case of each renewal" to suspend {
        val cases = rules.getJSONArray("renewals").objects()
        assertTrue(cases.size > 2)
        for (case in cases) renewed(case)
    },
    "a JWT goes to no other address" to suspend {
        val cases = rules.getJSONArray("addresses").objects()
        assertTrue(cases.size > 10)
        for (case in cases) {
            val url = case.getString("url")
            if (case.getBoolean("taken")) TokenService(url) { "jwt" } else assertFailsWith<IllegalArgumentException>(url) { TokenService(url) { "jwt" } }
        }
    },
    "only a JWT is sent as one" to suspend {
        val cases = rules.getJSONArray("jwts").objects()
        assertTrue(cases.size > 5)
        for (case in cases) {
            val (jwt, run) = case.getString("jwt") to Run("token")
            val result = runCatching { TokenService(run.url) { jwt }.fetch(TokenRequest.rtm()) }
            val reason = (result.exceptionOrNull() as TokenException?)?.reason
            assertEquals(if (case.getBoolean("sent")) null else Reason.NO_JWT, reason, jwt)
            assertEquals(if (case.getBoolean("sent")) listOf("Bearer $jwt") else emptyList(), run.asked.map { it.getString("authorization") })
        }
    },
    "the app's own authenticator sends nothing after a 401" to suspend {
        val run = Run("401")
        val app = OkHttpClient.Builder().authenticator { _, response -> response.request.newBuilder().header("Authorization", "Basic x").build() }.build()
        assertEquals(Reason.REFUSED, assertFailsWith<TokenException> { TokenService(run.url, app) { "jwt" }.fetch(TokenRequest.rtm()) }.reason)
        assertEquals(listOf("Bearer jwt"), run.asked.map { it.getString("authorization") })
    },
)
