package tokenmint

import java.io.Closeable
import kotlin.random.Random
import kotlin.time.Duration
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.minutes
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Deferred
import kotlinx.coroutines.Job
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.async
import kotlinx.coroutines.cancel
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.delay
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.isActive
import kotlinx.coroutines.launch
import kotlinx.coroutines.selects.select
import kotlinx.coroutines.withTimeoutOrNull

/** The device's clocks. Only differences are used, so a device whose clock is hours wrong does not matter. */
interface DeviceClock {
    /**
     * Milliseconds that never jump. On Android use `SystemClock.elapsedRealtime()`: it goes on while the device sleeps.
     */
    fun monotonic(): Long = System.nanoTime() / 1_000_000

    /** Milliseconds that go on while the device sleeps. Somebody may set this clock. */
    fun wall(): Long = System.currentTimeMillis()

    /** Waits about this long. If the device sleeps meanwhile, it may take longer. */
    suspend fun sleep(duration: Duration) = delay(duration)
}

/**
 * Always keeps a good token.
 *
 * It works from the first [token] or [renew] until [stop], or until [scope] ends. It fetches the next token at
 * `renew_at`. It measures time so that neither a sleep of the device nor a wrong clock matters. It retries failures
 * with exponential backoff and full jitter, never before the service's `Retry-After`, until there is a token or the
 * service refuses one. It never sends two requests at a time: callers that ask at the same time share one. Any thread
 * may call it.
 *
 * @param scope where it works and calls back, for example `viewModelScope`.
 * @param patience how long [token] and [renew] wait for a token. Then they fail with the last error, and the keeper
 *   goes on trying in the background.
 * @param onRetry called when an attempt has failed, with the time until the next one.
 * @param onError called when the keeper gives up, because another try won't help. The current token stays good until it
 *   expires.
 */
class TokenKeeper(
    private val service: TokenService,
    private val request: TokenRequest,
    scope: CoroutineScope,
    private val clock: DeviceClock = object : DeviceClock {},
    private val patience: Duration = 30.seconds,
    private val onRetry: (TokenException, Duration) -> Unit = { _, _ -> },
    private val onError: (TokenException) -> Unit = {},
    private val onToken: (MintedToken) -> Unit = {},
) {
    private val scope = CoroutineScope(scope.coroutineContext + SupervisorJob(scope.coroutineContext[Job]))
    private val lock = Any()
    private val listeners = LinkedHashSet<Listener>()
    private val wakes = Channel<Unit>(Channel.CONFLATED)
    private var held: Held? = null
    private var renewal: Deferred<MintedToken>? = null
    private var alarm: Job? = null
    @Volatile private var lastError: TokenException? = null
    /** The service refused: the keeper sends no more requests until somebody needs a new token. */
    @Volatile private var refused = false
    /** The network is back, so the next attempt need not wait. */
    @Volatile private var hurry = false

    private class Listener(val tell: (MintedToken) -> Unit)

    private class Moment(val monotonic: Long, val wall: Long)

    /** A token, and when its request was sent. Its age is counted from there, so it can only seem older than it is. */
    private class Held(val minted: MintedToken, val since: Moment)

    /**
     * A token that is good now: the current one or, if that is no longer good, the next one.
     *
     * @throws TokenException if the service refuses, [patience] ends, or the keeper is stopped.
     */
    suspend fun token(): MintedToken {
        val held = good() ?: return patiently()
        // The alarm may be late: timers stop while the device sleeps.
        if (since(held.since) >= held.minted.renewal && !refused) renewing()
        return held.minted
    }

    /**
     * A newer token than the current one. Call it when an SDK says that its token is about to expire. If the current
     * token came in the last five seconds, you get that one.
     *
     * @throws TokenException like [token].
     */
    suspend fun renew(): MintedToken {
        val held = good()
        return if (held != null && since(held.since) < NEW) held.minted else patiently()
    }

    /** The current token, if it is good. */
    val current: MintedToken? get() = good()?.minted

    /** Calls [tell] with each new token from now on, until you close the result. */
    fun subscribe(tell: (MintedToken) -> Unit): Closeable {
        val listener = Listener(tell)
        synchronized(lock) { listeners.add(listener) }
        return Closeable { synchronized(lock) { listeners.remove(listener) } }
    }

    /**
     * Connects an SDK. [give] gets each new token. If the SDK has missed the current one, [give] gets it once more.
     * Call [TokenFeed.expiring] and [TokenFeed.expired] from the SDK's own callbacks.
     */
    fun feed(give: (MintedToken) -> Unit): TokenFeed = TokenFeed(this, scope, give)

    /**
     * Call this when the device wakes, when the app comes to the foreground, or, with [networkIsBack], when there is a
     * network again. Then the keeper looks at its clocks at once and does not wait for a timer.
     */
    fun wake(networkIsBack: Boolean = false) {
        val reason = lastError?.reason
        // A new connection may help against a network failure, so try at once. Keep a wait that the service
        // asked for.
        if (networkIsBack && (reason == TokenException.Reason.NETWORK || reason == TokenException.Reason.TIMEOUT)) hurry = true
        wakes.trySend(Unit)
    }

    /** Ends all work for good, and forgets the token. Callers that still wait get a [TokenException]. */
    fun stop() {
        scope.cancel()
        synchronized(lock) {
            held = null
            listeners.clear()
        }
    }

    private fun now() = Moment(clock.monotonic(), clock.wall())

    /**
     * How long ago that was, by the clock that says more. It is too short only if the monotonic clock stopped in a
     * sleep *and* the wall clock was set back. If the wall clock was set forward, a token only seems older than it is.
     */
    private fun since(then: Moment): Duration =
        maxOf(0, clock.monotonic() - then.monotonic, clock.wall() - then.wall).milliseconds

    private fun good(): Held? = synchronized(lock) { held }?.takeIf {
        // A token that is about to expire would expire on its way to the vendor.
        scope.isActive && since(it.since) < it.minted.expiry - minOf(5.seconds, it.minted.expiry / 10)
    }

    /** The running renewal, or a new one. */
    private fun renewing(): Deferred<MintedToken> {
        val now = synchronized(lock) {
            renewal?.takeIf { !it.isCompleted } ?: scope.async(start = CoroutineStart.LAZY) { renewUntilThereIsOne() }.also { renewal = it }
        }
        now.start()
        return now
    }

    private suspend fun patiently(): MintedToken {
        val renewal = renewing()
        try {
            return withTimeoutOrNull(patience) { renewal.await() }
                ?: throw lastError ?: TokenException(TokenException.Reason.TIMEOUT, "There was no token within $patience.")
        } catch (_: CancellationException) {
            // Either the caller was cancelled, or the keeper was stopped.
            currentCoroutineContext().ensureActive()
            throw TokenException(TokenException.Reason.STOPPED, "This token keeper was stopped.")
        }
    }

    private suspend fun renewUntilThereIsOne(): MintedToken {
        synchronized(lock) { alarm.also { alarm = null } }?.cancel()
        lastError = null
        refused = false
        var failed = 0
        while (true) {
            val sent = now()
            val error = try {
                val minted = service.fetch(request)
                currentCoroutineContext().ensureActive()
                if (since(sent) >= minted.expiry) {
                    throw TokenException(TokenException.Reason.BAD_ANSWER, "The token had expired when it came.", status = 200)
                }
                return take(Held(minted, sent))
            } catch (failure: TokenException) {
                failure
            }
            currentCoroutineContext().ensureActive()
            lastError = error
            if (!error.temporary) {
                refused = true
                tell { onError(error) }
                throw error
            }
            val pause = minOf(error.retryAfter, LONGEST_RETRY_AFTER) + backoff(failed++)
            tell { onRetry(error, pause) }
            sleep(pause)
        }
    }

    private fun take(new: Held): MintedToken {
        val told = synchronized(lock) {
            scope.ensureActive()
            held = new
            alarm = scope.launch {
                sleep(new.minted.renewal - since(new.since))
                // The renewal runs in a coroutine of its own, because it cancels this one.
                renewing()
            }
            listeners.toList()
        }
        lastError = null
        tell { onToken(new.minted) }
        for (listener in told) tell { listener.tell(new.minted) }
        return new.minted
    }

    /** Calls a listener. If it throws, that is reported as an uncaught exception, and nothing here ends. */
    private inline fun tell(listener: () -> Unit) {
        try {
            listener()
        } catch (mistake: Exception) {
            scope.launch { throw mistake }
        }
    }

    /**
     * Waits until [since] says that [duration] has passed. If it passed in a sleep of the device: soon after the sleep.
     */
    private suspend fun sleep(duration: Duration) {
        val from = now()
        hurry = false
        while (!hurry) {
            val left = duration - since(from)
            if (left <= Duration.ZERO) return
            coroutineScope {
                val nap = launch { clock.sleep(minOf(left, LONGEST_NAP)) }
                select {
                    nap.onJoin {}
                    wakes.onReceive {}
                }
                nap.cancel()
            }
        }
    }

    private companion object {
        /**
         * A token younger than this isn't renewed. So an SDK that warns at once, as for a short token, causes no flood.
         */
        val NEW = 5.seconds
        /** The longest time between two looks at the clocks, because timers stop while the device sleeps. */
        val LONGEST_NAP = 30.seconds
        /** A longer `Retry-After` is treated as a mistake: the keeper waits only this long. */
        val LONGEST_RETRY_AFTER = 10.minutes
        val FIRST_BACKOFF = 500.milliseconds
        val LONGEST_BACKOFF = 30.seconds

        /** How long to wait after a failure, if `failed` others came before it: exponential, with full jitter. */
        fun backoff(failed: Int): Duration = minOf(LONGEST_BACKOFF, FIRST_BACKOFF * (1 shl failed.coerceAtMost(10))) * Random.nextDouble()
    }
}

/** What connects a keeper to one SDK; see [TokenKeeper.feed]. */
class TokenFeed internal constructor(
    private val keeper: TokenKeeper,
    private val scope: CoroutineScope,
    private val give: (MintedToken) -> Unit,
) : Closeable {
    private val subscription = keeper.subscribe(give)

    /** Call this when the SDK warns that its token is about to expire. */
    fun expiring() {
        scope.launch {
            val before = keeper.current
            // A new token reaches the SDK through the subscription. If it is still the old one, the SDK has missed it.
            val token = renewed() ?: return@launch
            if (token === before) give(token)
        }
    }

    /** Call this when the SDK's token has expired. [again] joins or logs in with another token. */
    fun expired(again: (MintedToken) -> Unit) {
        scope.launch { renewed()?.let(again) }
    }

    /** A failure needs no report here: `onError` or `onRetry` got it. */
    private suspend fun renewed(): MintedToken? = try {
        keeper.renew()
    } catch (_: TokenException) {
        null
    }

    override fun close() = subscription.close()
}
