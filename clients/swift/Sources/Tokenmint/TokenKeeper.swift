import Foundation

/// Has a good token at any time.
///
/// It works from the first `token()` or `renew()` until `stop()`. The next token is fetched when its `renew_at` has come, by a clock that goes
/// on while the device sleeps and that nobody sets; failures are retried with exponential backoff and full jitter, not before the
/// service's `Retry-After`, until there is a token or the service refuses one. However many ask, one request is under way.
public actor TokenKeeper {
    /// Told when an attempt has failed and another follows after this long.
    public typealias OnRetry = @Sendable (TokenError, Duration) -> Void
    /// Told when it gives up, because asking again won't help. The token at hand stays good until it expires.
    public typealias OnError = @Sendable (TokenError) -> Void

    /// A token, and when its request was sent: it was fresh when it was handed out, so it is no older than that.
    private struct Held {
        let minted: MintedToken
        let since: ContinuousClock.Instant
    }

    /// A token younger than this isn't renewed: an SDK that warns of a short token at once must not make a storm.
    private static let new = Duration.seconds(5)
    /// A `Retry-After` beyond this is taken for a mistake.
    private static let longestRetryAfter = Duration.seconds(600)
    private static let firstBackoff = Duration.milliseconds(500)
    private static let longestBackoff = Duration.seconds(30)

    private let service: TokenService
    private let request: TokenRequest
    private let patience: Duration
    private let onRetry: OnRetry
    private let onError: OnError
    /// Goes on while the device sleeps.
    private let clock = ContinuousClock()
    private var held: Held?
    private var lastError: TokenError?
    /// Nothing is asked for any more but on demand.
    private var refused = false
    private var stopped = false
    private var renewal: Task<Void, Never>?
    /// Begins the renewal that is due.
    private var alarm: Task<Void, Never>?
    /// The pause before the next attempt.
    private var pause: Task<Void, Never>?
    private var waiters: [UUID: CheckedContinuation<MintedToken, any Error>] = [:]
    private var listeners: [UUID: AsyncStream<MintedToken>.Continuation] = [:]

    /// - Parameter patience: How long `token()` and `renew()` wait for what is being retried before they fail with its last error. The keeper
    ///   goes on trying behind them.
    public init(
        service: TokenService, request: TokenRequest, patience: Duration = .seconds(30),
        onRetry: @escaping OnRetry = { _, _ in }, onError: @escaping OnError = { _ in }
    ) {
        self.service = service
        self.request = request
        self.patience = patience
        self.onRetry = onRetry
        self.onError = onError
    }

    deinit {
        alarm?.cancel()
        for listener in listeners.values { listener.finish() }
    }

    /// A token that is good now: the one at hand, or the next one as soon as it is there.
    ///
    /// - Throws: `TokenError` when the service refuses, when patience ends, when the keeper is stopped; `CancellationError`.
    public func token() async throws -> MintedToken {
        guard let held = good else { return try await patiently() }
        // The alarm may have overslept.
        if age(held) >= held.minted.renewal && !refused { beginRenewal() }
        return held.minted
    }

    /// A newer token than the one at hand, for an SDK that says that its own is about to expire. A token of the last five seconds counts as
    /// newer.
    ///
    /// - Throws: As `token()`.
    public func renew() async throws -> MintedToken {
        if let held = good, age(held) < Self.new { return held.minted }
        return try await patiently()
    }

    /// The token at hand, if it is good.
    public var current: MintedToken? { good?.minted }

    /// The token at hand, if it is good, and each new one, until the keeper is stopped.
    public func tokens() -> AsyncStream<MintedToken> {
        // Whoever is slow needs the newest only.
        let (stream, listener) = AsyncStream.makeStream(of: MintedToken.self, bufferingPolicy: .bufferingNewest(1))
        if stopped {
            listener.finish()
            return stream
        }
        let id = UUID()
        listeners[id] = listener
        listener.onTermination = { [weak self] _ in
            Task { [weak self] in await self?.forget(listener: id) }
        }
        if let current { listener.yield(current) }
        return stream
    }

    /// There is a network again: what waits for one needn't wait longer. What the service asked for must.
    public func networkIsBack() {
        if lastError?.reason == .network || lastError?.reason == .timeout { pause?.cancel() }
    }

    /// Ends all work, for good, and forgets the token. Who still waits gets a `TokenError`.
    public func stop() {
        stopped = true
        alarm?.cancel()
        renewal?.cancel()
        pause?.cancel()
        held = nil
        answerAll(.failure(Self.stoppedError))
        for listener in listeners.values { listener.finish() }
        listeners = [:]
    }

    private static var stoppedError: TokenError { TokenError(.stopped, "This token keeper was stopped.") }

    private func age(_ held: Held) -> Duration { held.since.duration(to: clock.now) }

    private var good: Held? {
        guard let held else { return nil }
        // What is about to end would end on its way.
        return age(held) < held.minted.expiry - min(.seconds(5), held.minted.expiry / 10) ? held : nil
    }

    /// Waits for the renewal that is under way, or for a new one.
    private func patiently() async throws -> MintedToken {
        if stopped { throw Self.stoppedError }
        try Task.checkCancellation()
        beginRenewal()
        let id = UUID()
        let patience = patience
        let impatience = Task { [weak self] in
            try await Task.sleep(for: patience, clock: .continuous)
            await self?.giveUp(id)
        }
        defer { impatience.cancel() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { waiters[id] = $0 }
        } onCancel: {
            // Comes after the continuation: this actor is busy until that waits.
            Task { await self.answer(id, .failure(CancellationError())) }
        }
    }

    private func giveUp(_ id: UUID) {
        answer(id, .failure(lastError ?? TokenError(.timeout, "There was no token within \(patience).")))
    }

    private func answer(_ id: UUID, _ result: Result<MintedToken, any Error>) {
        waiters.removeValue(forKey: id)?.resume(with: result)
    }

    private func answerAll(_ result: Result<MintedToken, any Error>) {
        let waiting = waiters
        waiters = [:]
        for waiter in waiting.values { waiter.resume(with: result) }
    }

    private func forget(listener id: UUID) {
        listeners[id] = nil
    }

    private func beginRenewal() {
        guard renewal == nil, !stopped else { return }
        alarm?.cancel()
        lastError = nil
        refused = false
        renewal = Task { await self.renewUntilThereIsOne() }
    }

    private func renewUntilThereIsOne() async {
        defer { renewal = nil }
        var failed = 0
        while !stopped {
            let sent = clock.now
            do {
                let minted = try await service.fetch(request)
                if stopped { return }
                guard sent.duration(to: clock.now) < minted.expiry else {
                    throw TokenError(.badAnswer, "The token had expired when it came.", status: 200)
                }
                return take(Held(minted: minted, since: sent))
            } catch {
                // Cancelled is only who is stopped.
                guard !stopped, let error = error as? TokenError else { return }
                lastError = error
                guard error.isTemporary else {
                    refused = true
                    answerAll(.failure(error))
                    return onError(error)
                }
                let wait = min(error.retryAfter, Self.longestRetryAfter) + Self.backoff(failed)
                failed += 1
                onRetry(error, wait)
                let pause = Task { _ = try? await Task.sleep(for: wait, clock: .continuous) }
                self.pause = pause
                await pause.value
                self.pause = nil
            }
        }
    }

    private func take(_ new: Held) {
        held = new
        lastError = nil
        let due = new.since.advanced(by: new.minted.renewal)
        alarm = Task { [weak self] in
            // Cancelled is who is no longer needed.
            guard (try? await Task.sleep(until: due, clock: .continuous)) != nil else { return }
            await self?.beginRenewal()
        }
        answerAll(.success(new.minted))
        for listener in listeners.values { listener.yield(new.minted) }
    }

    /// How long to wait after this many failures before the one just now: exponential, with full jitter.
    private static func backoff(_ failed: Int) -> Duration {
        min(longestBackoff, firstBackoff * (1 << min(failed, 10))) * Double.random(in: 0..<1)
    }
}

/// Connects a keeper to one SDK: `give` gets each new token, and once more the one at hand when the SDK has missed it. The SDK's own
/// callbacks call `expiring()` and `expired(_:)`, on any thread.
@MainActor
public final class TokenFeed {
    public typealias Give = @MainActor @Sendable (MintedToken) -> Void

    private let keeper: TokenKeeper
    private let give: Give
    private let listening: Task<Void, Never>

    public init(_ keeper: TokenKeeper, give: @escaping Give) {
        self.keeper = keeper
        self.give = give
        listening = Task { @MainActor in
            for await minted in await keeper.tokens() { give(minted) }
        }
    }

    deinit { listening.cancel() }

    /// The SDK warns that its token is about to expire.
    public nonisolated func expiring() {
        Task { @MainActor in
            let before = await self.keeper.current
            // A failure has been told to `onError` or `onRetry`.
            guard let minted = try? await self.keeper.renew() else { return }
            // A new one comes by itself; one that is this young has been missed.
            if minted == before { self.give(minted) }
        }
    }

    /// The SDK's token has expired: `again` joins or logs in with another one.
    public nonisolated func expired(_ again: @escaping Give) {
        Task { @MainActor in
            guard let minted = try? await self.keeper.renew() else { return }
            again(minted)
        }
    }
}
