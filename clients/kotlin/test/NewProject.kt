/** A program of another project. It uses the package, and nothing of the package's tests. It gets a token that lives for ten seconds, and the next one. */

import kotlin.system.exitProcess
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import tokenmint.TokenKeeper
import tokenmint.TokenRequest
import tokenmint.TokenService

fun main() {
    runBlocking { renewed() }
    // OkHttp's threads would keep the program for another minute.
    exitProcess(0)
}

private suspend fun CoroutineScope.renewed() {
    val tokens = LinkedHashSet<String>()
    val second = CompletableDeferred<Unit>()
    val service = TokenService(System.getenv("TOKENMINT_URL") ?: "http://localhost:9000")
    val keeper = TokenKeeper(service, TokenRequest.rtc("demo", uid = 7, expiresIn = 10), this, onToken = { minted ->
        tokens += minted.token
        println("token ${tokens.size} for the channel ${minted.channel}")
        if (tokens.size == 2) second.complete(Unit)
    })
    keeper.token()
    withTimeout(30_000) { second.await() }
    keeper.stop()
}
