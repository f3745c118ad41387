import Foundation

/// Always keeps a good token.
///
/// It works from the first `token()` or `renew()` until `stop()`. It fetches the next token at `renew_at`, by a clock
/// that goes on while the device sleeps and that nobody can set. It retries failures with exponential backoff and full
/// jitter, never before the service's `Retry-After`, until there is a token or the service refuses one. It never sends
/// two requests at a time: callers that ask at the same time share one.
public actor TokenKeeper {
    /// Called when an attempt has failed, with the time until the next one.
    public typealias OnRetry = @Sendable (TokenError, Duration) -> Void
    /// Called when the keeper gives up, because another try won't help. The current token stays good until it expires.
    public typealias OnError = @Sendable (TokenError) -> Void

    /// A token, and when its request was sent. Its age is counted from there, so it can only seem older than it is.
    private struct Held {
        let minted: MintedToken
        let since: Duration
    }

    /// A token younger than this isn't renewed. So an SDK that warns at once, as for a short token, causes no flood.
    private static let new = Duration.seconds(5)
    /// A longer `Retry-After` is treated as a mistake: the keeper waits only this long.
    private static let longestRetryAfter = Duration.seconds(600)
    private static let firstBackoff = Duration.milliseconds(500)
    private static let longestBackoff = Duration.seconds(30)

    private let service: TokenService
    private let request: TokenRequest
    private let patience: Duration
    private let onRetry: OnRetry
    private let onError: OnError
    private let clock: KeeperClock
    private var held: Held?
    private var lastError: TokenError?
    /// The service refused: the keeper sends no more requests until somebody needs a new token.
    private var refused = false
    private var stopped = false
    private var renewal: Task<Void, Never>?
    /// Starts the next renewal when it is due.
    private var alarm: Task<Void, Never>?
    /// The pause before the next attempt.
    private var pause: Task<Void, Never>?
    private var waiters: [UUID: CheckedContinuation<MintedToken, any Error>] = [:]
    private var listeners: [UUID: AsyncStream<MintedToken>.Continuation] = [:]

    /// - Parameter patience: How long `token()` and `renew()` wait for a token. Then they fail with the last error, and
    ///   the keeper goes on trying in the background.
    public init(
        service: TokenService, request: TokenRequest, patience: Duration = .seconds(30),
        onRetry: @escaping OnRetry = { _, _ in }, onError: @escaping OnError = { _ in }
    ) {
        self.init(service: service, request: request, clock: .continuous, patience: patience, onRetry: onRetry, onError: onError)
    }

    /// - Parameter clock: Tests use a clock of their own.
    init(
        service: TokenService, request: TokenRequest, clock: KeeperClock, patience: Duration = .seconds(30),
        onRetry: @escaping OnRetry = { _, _ in }, onError: @escaping OnError = { _ in }
    ) {
        self.clock = clock
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

    /// A token that is good now: the current one or, if that is no longer good, the next one.
    ///
    /// - Throws: `TokenError` if the service refuses, `patience` ends, or the keeper is stopped. `CancellationError` if
    ///   the task is cancelled.
    public func token() async throws -> MintedToken {
        guard let held = good else { return try await patiently() }
        // The alarm may be late: timers stop while the device sleeps.
        if age(held) >= held.minted.renewal && !refused { beginRenewal() }
        return held.minted
    }

    /// A newer token than the current one. Call it when an SDK says that its token is about to expire. If the current
    /// token came in the last five seconds, you get that one.
    ///
    /// - Throws: Like `token()`.
    public func renew() async throws -> MintedToken {
        if let held = good, age(held) < Self.new { return held.minted }
        return try await patiently()
    }

    /// The current token, if it is good.
    public var current: MintedToken? { good?.minted }

    /// The current token, if it is good, and each new one, until the keeper is stopped.
    public func tokens() -> AsyncStream<MintedToken> {
        // A slow reader needs only the newest token.
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

    /// Call this when there is a network again. If the last attempt failed because of the network, the next one starts
    /// at once. A wait that the service asked for is kept.
    public func networkIsBack() {
        if lastError?.reason == .network || lastError?.reason == .timeout { pause?.cancel() }
    }

    /// Ends all work for good, and forgets the token. Callers that still wait get a `TokenError`.
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

    private func age(_ held: Held) -> Duration { clock.now() - held.since }

    private var good: Held? {
        guard let held else { return nil }
        // A token that is about to expire would expire on its way to the vendor.
        return age(held) < held.minted.expiry - min(.seconds(5), held.minted.expiry / 10) ? held : nil
    }

    /// Waits for the running renewal, or for a new one.
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
            // This runs only after the continuation is stored, because the actor is busy until then.
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
            let sent = clock.now()
            do {
                let minted = try await service.fetch(request)
                if stopped { return }
                guard clock.now() - sent < minted.expiry else {
                    throw TokenError(.badAnswer, "The token had expired when it came.", status: 200)
                }
                return take(Held(minted: minted, since: sent))
            } catch {
                // Only `stop()` cancels this task, so a cancellation needs no report.
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
                let clock = clock, end = clock.now() + wait
                let pause = Task { _ = try? await clock.sleep(end) }
                self.pause = pause
                await pause.value
                self.pause = nil
            }
        }
    }

    private func take(_ new: Held) {
        held = new
        lastError = nil
        let clock = clock, due = new.since + new.minted.renewal
        alarm = Task { [weak self] in
            // A cancelled alarm is no longer needed.
            guard (try? await clock.sleep(due)) != nil else { return }
            await self?.beginRenewal()
        }
        answerAll(.success(new.minted))
        for listener in listeners.values { listener.yield(new.minted) }
    }

    /// How long to wait after a failure, if `failed` others came before it: exponential, with full jitter.
    private static func backoff(_ failed: Int) -> Duration {
        min(longestBackoff, firstBackoff * (1 << min(failed, 10))) * Double.random(in: 0..<1)
    }
}

/// What a keeper measures time with.
struct KeeperClock: Sendable {
    /// The time since a fixed moment. It goes on while the device sleeps, and nobody can set it.
    let now: @Sendable () -> Duration
    /// Waits until this time. Throws if the task is cancelled.
    let sleep: @Sendable (_ until: Duration) async throws -> Void

    static let continuous: KeeperClock = {
        let clock = ContinuousClock()
        let start = clock.now
        return KeeperClock(now: { start.duration(to: clock.now) }, sleep: { try await clock.sleep(until: start.advanced(by: $0)) })
    }()
}

/// Connects a keeper to one SDK. `give` gets each new token. If the SDK has missed the current one, `give` gets it once
/// more. Call `expiring()` and `expired(_:)` from the SDK's own callbacks, on any thread.
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

    /// Call this when the SDK warns that its token is about to expire.
    public nonisolated func expiring() {
        Task { @MainActor in
            let before = await self.keeper.current
            // A failure needs no report here: `onError` or `onRetry` got it.
            guard let minted = try? await self.keeper.renew() else { return }
            // A new token reaches the SDK by `listening`. If it is still the old one, the SDK has missed it.
            if minted == before { self.give(minted) }
        }
    }

    /// Call this when the SDK's token has expired. `again` joins or logs in with another token.
    public nonisolated func expired(_ again: @escaping Give) {
        Task { @MainActor in
            guard let minted = try? await self.keeper.renew() else { return }
            again(minted)
        }
    }
}
