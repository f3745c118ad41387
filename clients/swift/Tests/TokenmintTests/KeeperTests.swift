import XCTest
@testable import Tokenmint

/// What a keeper does beside the rules that all clients keep.
final class KeeperTests: XCTestCase {
    func testHoweverManyAskOneRequestGoesOut() async throws {
        let run = try Run("renew-at")
        let keeper = try Kept(run).keeper
        let tokens = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<50 { group.addTask { try await keeper.token().token } }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        XCTAssertEqual(tokens, ["007eJx1"])
        let asked = try await run.asked()
        XCTAssertEqual(asked.count, 1)
        await keeper.stop()
    }

    func testACancelledCallerSendsNothingAndLeavesTheOthersAlone() async throws {
        let run = try Run("silence")
        let kept = try Kept(run, timeout: .milliseconds(200))
        let gone = Task { try await kept.keeper.token() }
        let stays = Task { try await kept.keeper.token() }
        try await eventually("a request") { try await run.asked().count == 1 }
        gone.cancel()
        do {
            _ = try await gone.value
            XCTFail("a cancelled caller got a token")
        } catch {
            XCTAssertTrue(error is CancellationError, "\(error)")
        }
        try await eventually("a failure") { kept.heard.retries.count == 1 && kept.clock.next != nil }
        kept.clock.move(to: .seconds(1))
        let token = try await stays.value.token
        XCTAssertEqual(token, "007eJx2")
        await kept.keeper.stop()

        let nothing = try Run("token")
        let service = try TokenService(url: nothing.url)
        let cancelled = Task {
            while !Task.isCancelled { await Task.yield() }
            return try await service.fetch(.rtm())
        }
        cancelled.cancel()
        let result = await cancelled.result
        XCTAssertThrowsError(try result.get())
        let asked = try await nothing.asked()
        XCTAssertEqual(asked.count, 0)
    }

    func testAStoppedKeeperDoesNothingMore() async throws {
        let run = try Run("silence")
        let kept = try Kept(run)
        let waits = Task { try await kept.keeper.token() }
        try await eventually("a request") { try await run.asked().count == 1 }
        await kept.keeper.stop()
        for result in [await waits.result, await Task { try await kept.keeper.renew() }.result] {
            XCTAssertThrowsError(try result.get()) { XCTAssertEqual(($0 as? TokenError)?.reason, .stopped) }
        }
        let current = await kept.keeper.current
        XCTAssertNil(current)
        var tokens = await kept.keeper.tokens().makeAsyncIterator()
        let next = await tokens.next()
        XCTAssertNil(next)
        XCTAssertNil(kept.clock.next)
        let asked = try await run.asked()
        XCTAssertEqual(asked.count, 1)
    }

    func testPatienceEndsBeforeTheTryingDoes() async throws {
        let run = try Run("5xx")
        let kept = try Kept(run, patience: .milliseconds(100))
        let result = await Task { try await kept.keeper.token() }.result
        XCTAssertThrowsError(try result.get()) { XCTAssertEqual(($0 as? TokenError)?.status, 500) }
        for number in 1...6 {
            try await eventually("failure \(number)") { kept.heard.retries.count == number && kept.clock.next != nil }
            kept.clock.move(to: try XCTUnwrap(kept.clock.next))
        }
        try await eventually("a token") { await kept.keeper.current != nil }
        await kept.keeper.stop()
    }

    func testARefusalEndsItUntilSomebodyAsksAgain() async throws {
        let run = try Run("403")
        let kept = try Kept(run)
        for number in 1...2 {
            let result = await Task { try await kept.keeper.token() }.result
            XCTAssertThrowsError(try result.get()) {
                let error = $0 as? TokenError
                XCTAssertEqual(error?.problem["detail"], "a detail")
                XCTAssertEqual(error?.problem["request_id"], "r-1")
            }
            XCTAssertNil(kept.clock.next)
            let asked = try await run.asked()
            XCTAssertEqual(asked.count, number)
        }
        await kept.keeper.stop()
    }

    func testANetworkThatIsBackIsTriedAtOnce() async throws {
        let kept = try Kept(Run("closed"))
        let asking = Task { try await kept.keeper.token() }
        try await eventually("a failure") { kept.heard.retries.count == 1 && kept.clock.next != nil }
        await kept.keeper.networkIsBack()
        let token = try await asking.value.token
        XCTAssertEqual(token, "007eJx2")
        await kept.keeper.stop()
    }

    func testANetworkThatIsBackShortensNoWaitOfTheService() async throws {
        let run = try Run("retry-after")
        let kept = try Kept(run)
        let asking = Task { try await kept.keeper.token() }
        try await eventually("a failure") { kept.heard.retries.count == 1 && kept.clock.next != nil }
        let next = kept.clock.next
        await kept.keeper.networkIsBack()
        XCTAssertEqual(kept.clock.next, next)
        kept.clock.move(to: .seconds(8))
        _ = try await asking.value
        await kept.keeper.stop()
    }

    func testANewTokenIsNotRenewed() async throws {
        let run = try Run("token")
        let kept = try Kept(run)
        let first = try await kept.keeper.token()
        kept.clock.move(to: .seconds(4))
        let same = try await kept.keeper.renew()
        XCTAssertEqual(first, same)
        kept.clock.move(to: .seconds(6))
        let second = try await kept.keeper.renew()
        XCTAssertEqual(second.token, "007eJx2")
        await kept.keeper.stop()
    }

    @MainActor
    func testAnSDKGetsEachNewTokenAndTheNextOneWhenItWarns() async throws {
        let kept = try Kept(Run("token"))
        var given: [String] = []
        let feed = TokenFeed(kept.keeper) { given.append($0.token) }
        _ = try await kept.keeper.token()
        try await eventually("the first token") { given == ["007eJx1"] }
        // The SDK warns although the token is new, so it has missed that token.
        feed.expiring()
        try await eventually("the first token again") { given == ["007eJx1", "007eJx1"] }
        kept.clock.move(to: .seconds(10))
        feed.expiring()
        try await eventually("the second token") { given.count == 3 && given.last == "007eJx2" }
        kept.clock.move(to: .seconds(20))
        feed.expired { given.append("again \($0.token)") }
        try await eventually("the third token, and a new log-in") { Set(given.dropFirst(3)) == ["007eJx3", "again 007eJx3"] }
        await kept.keeper.stop()
    }

    func testNoTextHoldsATokenOrAJWT() async throws {
        let kept = try Kept(Run("5xx"), jwt: { "head.body.sig" })
        let asking = Task { try await kept.keeper.token() }
        for number in 1...6 {
            try await eventually("failure \(number)") { kept.heard.retries.count == number && kept.clock.next != nil }
            kept.clock.move(to: try XCTUnwrap(kept.clock.next))
        }
        let minted = try await asking.value
        var texts = "\(minted) \(String(reflecting: minted)) \(kept.heard.retries) \(kept.keeper)"
        dump(minted, to: &texts)
        dump(kept.heard.retries, to: &texts)
        XCTAssertFalse(texts.contains("007eJx") || texts.contains("head.body"), texts)
        await kept.keeper.stop()
    }
}
