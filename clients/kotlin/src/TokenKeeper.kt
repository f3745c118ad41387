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

/** The device's clocks. Neither's absolute value counts, so a device that is hours off is no matter. */
interface DeviceClock {
    /** Milliseconds that never jump. On Android say `SystemClock.elapsedRealtime()`, which goes on while the device sleeps. */
    fun monotonic(): Long = System.nanoTime() / 1_000_000

    /** Milliseconds that go on while the device sleeps, but may be set. */
    fun wall(): Long = System.currentTimeMillis()

    /** Waits about so long: it may oversleep with the device. */
    suspend fun sleep(duration: Duration) = delay(duration)
}

/**
 * Has a good token at any time.
 *
 * It works from the first [token] or [renew] until [stop], or until [scope] ends. The next token is fetched when its `renew_at` has come,
 * by a clock that neither the device's sleep nor its settings lead astray; failures are retried with exponential backoff and full
 * jitter, not before the service's `Retry-After`, until there is a token or the service refuses one. However many ask, one request is
 * under way. Any thread may call it.
 *
 * @param scope where it works and calls back, for example `viewModelScope`.
 * @param patience how long [token] and [renew] wait for what is being retried before they fail with its last error. The keeper goes on
 *   trying behind them.
 * @param onRetry told when an attempt has failed and another follows after this long.
 * @param onError told when it gives up, because asking again won't help. The token at hand stays good until it expires.
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
    /** Nothing is asked for any more but on demand. */
    @Volatile private var refused = false
    /** A network may cure what the next attempt waits for. */
    @Volatile private var hurry = false

    private class Listener(val tell: (MintedToken) -> Unit)

    private class Moment(val monotonic: Long, val wall: Long)

    /** A token, and when its request was sent: it was fresh when it was handed out, so it is no older than that. */
    private class Held(val minted: MintedToken, val since: Moment)

    /**
     * A token that is good now: the one at hand, or the next one as soon as it is there.
     *
     * @throws TokenException when the service refuses, when patience ends, when the keeper is stopped.
     */
    suspend fun token(): MintedToken {
        val held = good() ?: return patiently()
        // The alarm may have overslept.
        if (since(held.since) >= held.minted.renewal && !refused) renewing()
        return held.minted
    }

    /**
     * A newer token than the one at hand, for an SDK that says that its own is about to expire. A token of the last five seconds counts as
     * newer.
     *
     * @throws TokenException as [token].
     */
    suspend fun renew(): MintedToken {
        val held = good()
        return if (held != null && since(held.since) < NEW) held.minted else patiently()
    }

    /** The token at hand, if it is good. */
    val current: MintedToken? get() = good()?.minted

    /** Tells of each new token from now on, until what it returns is closed. */
    fun subscribe(tell: (MintedToken) -> Unit): Closeable {
        val listener = Listener(tell)
        synchronized(lock) { listeners.add(listener) }
        return Closeable { synchronized(lock) { listeners.remove(listener) } }
    }

    /**
     * Connects an SDK: [give] gets each new token, and once more the one at hand when the SDK has missed it. The SDK's own callbacks call
     * [TokenFeed.expiring] and [TokenFeed.expired].
     */
    fun feed(give: (MintedToken) -> Unit): TokenFeed = TokenFeed(this, scope, give)

    /** The device woke up, the app came to the foreground, or ([networkIsBack]) there is a network again: no need to wait for a timer. */
    fun wake(networkIsBack: Boolean = false) {
        val reason = lastError?.reason
        // What a new connection can cure needn't wait. What the service asked for must.
        if (networkIsBack && (reason == TokenException.Reason.NETWORK || reason == TokenException.Reason.TIMEOUT)) hurry = true
        wakes.trySend(Unit)
    }

    /** Ends all work, for good, and forgets the token. Who still waits gets a [TokenException]. */
    fun stop() {
        scope.cancel()
        synchronized(lock) {
            held = null
            listeners.clear()
        }
    }

    private fun now() = Moment(clock.monotonic(), clock.wall())

    /**
     * How long ago that was, never too little. The longer of both clocks' answers is right unless the device slept *and* was set back;
     * where the wall clock was set forward a token only seems older than it is.
     */
    private fun since(then: Moment): Duration =
        maxOf(0, clock.monotonic() - then.monotonic, clock.wall() - then.wall).milliseconds

    private fun good(): Held? = synchronized(lock) { held }?.takeIf {
        // What is about to end would end on its way.
        scope.isActive && since(it.since) < it.minted.expiry - minOf(5.seconds, it.minted.expiry / 10)
    }

    /** The renewal that is under way, or a new one. */
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
            // Either who waits here was cancelled, or the keeper.
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
                // In a coroutine of its own, because a renewal ends this one.
                renewing()
            }
            listeners.toList()
        }
        lastError = null
        tell { onToken(new.minted) }
        for (listener in told) tell { listener.tell(new.minted) }
        return new.minted
    }

    /** A listener's mistake is reported like any uncaught one, and ends nothing here. */
    private inline fun tell(listener: () -> Unit) {
        try {
            listener()
        } catch (mistake: Exception) {
            scope.launch { throw mistake }
        }
    }

    /** Until so much time has passed by [since]: soon after a sleep of the device if it passed in it. */
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
        /** A token younger than this isn't renewed: an SDK that warns of a short token at once must not make a storm. */
        val NEW = 5.seconds
        /** Timers sleep while the device does: two looks at the clocks are no further apart than this. */
        val LONGEST_NAP = 30.seconds
        /** A `Retry-After` beyond this is taken for a mistake. */
        val LONGEST_RETRY_AFTER = 10.minutes
        val FIRST_BACKOFF = 500.milliseconds
        val LONGEST_BACKOFF = 30.seconds

        /** How long to wait after this many failures before the one just now: exponential, with full jitter. */
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

    /** The SDK warns that its token is about to expire. */
    fun expiring() {
        scope.launch {
            val before = keeper.current
            // A new one comes through the subscription; one that is this young has been missed.
            val token = renewed() ?: return@launch
            if (token === before) give(token)
        }
    }

    /** The SDK's token has expired: [again] joins or logs in with another one. */
    fun expired(again: (MintedToken) -> Unit) {
        scope.launch { renewed()?.let(again) }
    }

    /** A failure has been told to `onError` or `onRetry`. */
    private suspend fun renewed(): MintedToken? = try {
        keeper.renew()
    } catch (_: TokenException) {
        null
    }

    override fun close() = subscription.close()
}
