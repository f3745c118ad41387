import XCTest
@testable import Tokenmint

/// The rules that all clients keep: `clients/rules/cases.json`.
final class RulesTests: XCTestCase {
    private struct Rules: Decodable {
        struct Failure: Decodable {
            let reason: String
            let wait: [Double]?
        }

        struct Answers: Decodable {
            let `case`: String
            let what: String
            let timeout: Double?
            let waits_in_all: Double?
            let failures: [Failure]
            let ends: String
            let asked: Int
        }

        struct Renewal: Decodable {
            let `case`: String
            let what: String
            let renewed_at: Double
            let good_until: Double
        }

        struct Address: Decodable {
            let url: String
            let taken: Bool
        }

        struct JWT: Decodable {
            let jwt: String
            let sent: Bool
        }

        let answers: [Answers]
        let renewals: [Renewal]
        let addresses: [Address]
        let jwts: [JWT]
    }

    private func rules() throws -> Rules {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../../rules/cases.json")
        return try JSONDecoder().decode(Rules.self, from: Data(contentsOf: file))
    }

    func testAnswers() async throws {
        let cases = try rules().answers
        XCTAssertGreaterThan(cases.count, 20)
        for rule in cases {
            #if canImport(FoundationNetworking)
            // Foundation's parser of this header crashes here (6.0), if the header has the scheme's name alone.
            if rule.case == "401-bearer" { continue }
            #endif
            try await answered(rule)
        }
    }

    private func answered(_ rule: Rules.Answers) async throws {
        let what = "\(rule.case): \(rule.what)"
        let run = try Run(rule.case)
        let kept = try Kept(run, timeout: .seconds(rule.timeout ?? 10), jwt: { "head.body.sig" })
        let asking = Task { try await kept.keeper.token() }
        let retried = rule.failures.filter { $0.wait != nil }
        for (number, failure) in retried.enumerated() {
            try await eventually("\(what), failure \(number + 1)") { kept.heard.retries.count > number && kept.clock.next != nil }
            guard kept.heard.retries.count > number else { return asking.cancel() }
            let (error, wait) = kept.heard.retries[number]
            XCTAssertEqual(error.reason.name, failure.reason, "\(what), failure \(number + 1): \(error.message)")
            XCTAssertTrue(error.isTemporary, what)
            let bounds = try XCTUnwrap(failure.wait)
            XCTAssertTrue((bounds[0]...bounds[1]).contains(seconds(wait)), "\(what), failure \(number + 1) waits \(wait)")
            XCTAssertEqual(seconds(try XCTUnwrap(kept.clock.next) - kept.clock.now), seconds(wait), accuracy: 0.001, what)
            kept.clock.move(to: kept.clock.now + wait)
        }
        switch await asking.result {
        case .success: XCTAssertEqual(rule.ends, "token", what)
        case .failure(let error):
            XCTAssertEqual(rule.ends, (error as? TokenError)?.reason.name, "\(what): \(error)")
            XCTAssertFalse("\(error)".contains("head.body"), "\(what): \(error)")
            XCTAssertEqual(kept.heard.errors.map(\.reason.name), rule.failures.filter { $0.wait == nil }.map(\.reason), what)
        }
        XCTAssertEqual(kept.heard.retries.count, retried.count, what)
        XCTAssertGreaterThanOrEqual(kept.heard.retries.reduce(0) { $0 + seconds($1.1) }, rule.waits_in_all ?? 0, what)
        let asked = try await run.asked()
        XCTAssertEqual(asked.map(\.path), Array(repeating: "/rtm/me/token", count: rule.asked), what)
        XCTAssertEqual(Set(asked.map(\.host)), ["127.0.0.1"], what)
        XCTAssertEqual(Set(asked.map(\.authorization)), ["Bearer head.body.sig"], what)
        await kept.keeper.stop()
    }

    func testRenewals() async throws {
        let cases = try rules().renewals
        XCTAssertGreaterThan(cases.count, 2)
        for rule in cases {
            let what = "\(rule.case): \(rule.what)"
            let run = try Run(rule.case)
            let kept = try Kept(run)
            _ = try await kept.keeper.token()
            try await eventually("\(what), the alarm") { kept.clock.next != nil }
            XCTAssertEqual(kept.clock.next, .seconds(rule.renewed_at), what)
            // The renewal is refused. So the token stays good until its own end.
            for renews in rule.renewed_at < rule.good_until ? [true, false] : [false, true] {
                if renews {
                    let before = try await run.asked().count
                    XCTAssertEqual(before, 1, what)
                    kept.clock.move(to: .seconds(rule.renewed_at))
                    try await eventually("\(what), a renewal") { try await run.asked().count == 2 && kept.heard.errors.count == 1 }
                } else {
                    kept.clock.move(to: .seconds(rule.good_until - 0.5))
                    var current = await kept.keeper.current
                    XCTAssertNotNil(current, what)
                    kept.clock.move(to: .seconds(rule.good_until))
                    current = await kept.keeper.current
                    XCTAssertNil(current, what)
                }
            }
            await kept.keeper.stop()
        }
    }

    func testAddresses() throws {
        let cases = try rules().addresses
        XCTAssertGreaterThan(cases.count, 10)
        for rule in cases {
            let url = try XCTUnwrap(URL(string: rule.url), rule.url)
            XCTAssertEqual((try? TokenService(url: url, jwt: { "jwt" })) != nil, rule.taken, rule.url)
        }
    }

    func testJWTs() async throws {
        let cases = try rules().jwts
        XCTAssertGreaterThan(cases.count, 5)
        for rule in cases {
            let run = try Run("token")
            let service = try TokenService(url: run.url, jwt: { rule.jwt })
            do {
                _ = try await service.fetch(.rtm())
                XCTAssertTrue(rule.sent, rule.jwt)
            } catch let error as TokenError {
                XCTAssertFalse(rule.sent, rule.jwt)
                XCTAssertEqual(error.reason, .noJWT)
            }
            let asked = try await run.asked()
            XCTAssertEqual(asked.map(\.authorization), rule.sent ? ["Bearer \(rule.jwt)"] : [])
        }
    }
}
