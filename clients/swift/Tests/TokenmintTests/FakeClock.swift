import Foundation
@testable import Tokenmint

/// A clock that stands still until a test moves it.
final class FakeClock: @unchecked Sendable {
    private struct Sleeper {
        let until: Duration
        let wake: CheckedContinuation<Void, any Error>
    }

    private let lock = NSLock()
    private var time = Duration.zero
    private var sleepers: [UUID: Sleeper] = [:]

    var clock: KeeperClock {
        KeeperClock(now: { self.now }, sleep: { try await self.sleep($0) })
    }

    var now: Duration { lock.withLock { time } }

    /// When the next sleeper wakes.
    var next: Duration? { lock.withLock { sleepers.values.map(\.until).min() } }

    func move(to moment: Duration) {
        let due = lock.withLock {
            time = max(time, moment)
            let due = sleepers.filter { $0.value.until <= time }
            for id in due.keys { sleepers[id] = nil }
            return due.values.map(\.wake)
        }
        for wake in due { wake.resume() }
    }

    private func sleep(_ until: Duration) async throws {
        let id = UUID()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (wake: CheckedContinuation<Void, any Error>) in
                let at = lock.withLock { () -> Result<Bool, CancellationError> in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if until <= time { return .success(true) }
                    sleepers[id] = Sleeper(until: until, wake: wake)
                    return .success(false)
                }
                switch at {
                case .success(true): wake.resume()
                case .success(false): break
                case .failure(let cancelled): wake.resume(throwing: cancelled)
                }
            }
        } onCancel: {
            lock.withLock { sleepers.removeValue(forKey: id) }?.wake.resume(throwing: CancellationError())
        }
    }
}
