import Foundation
import XCTest
@testable import Tokenmint
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// One run of a case at the server of `clients/rules` (RULES_URL).
struct Run {
    struct Asked: Decodable {
        let method: String
        let host: String
        let path: String
        let authorization: String?
    }

    let url: URL

    init(_ name: String) throws {
        let server = try XCTUnwrap(ProcessInfo.processInfo.environment["RULES_URL"], "RULES_URL is the address of clients/rules/server.py")
        url = try XCTUnwrap(URL(string: "\(server)/\(UUID())/\(name)"))
    }

    /// The requests that came.
    func asked() async throws -> [Asked] {
        let data = try await Exchange().answer(to: URLRequest(url: url.appendingPathComponent("asked"))).0
        return try JSONDecoder().decode([Asked].self, from: data)
    }
}

/// Collects what a keeper calls back.
final class Heard: @unchecked Sendable {
    private let lock = NSLock()
    private var waits: [(TokenError, Duration)] = []
    private var refusals: [TokenError] = []

    func retry(_ error: TokenError, _ wait: Duration) { lock.withLock { waits.append((error, wait)) } }
    func refused(_ error: TokenError) { lock.withLock { refusals.append(error) } }

    var retries: [(error: TokenError, wait: Duration)] { lock.withLock { waits.map { (error: $0.0, wait: $0.1) } } }
    var errors: [TokenError] { lock.withLock { refusals } }
}

/// A keeper, its clock, and everything that its callbacks got.
struct Kept {
    let clock = FakeClock()
    let heard = Heard()
    let keeper: TokenKeeper

    init(_ run: Run, timeout: Duration = .seconds(10), patience: Duration = .seconds(30), jwt: TokenService.JWT? = nil) throws {
        let service = try TokenService(url: run.url, timeout: timeout, jwt: jwt)
        let heard = heard
        keeper = TokenKeeper(
            service: service, request: .rtm(), clock: clock.clock, patience: patience, onRetry: { heard.retry($0, $1) }, onError: { heard.refused($0) })
    }
}

/// Waits until it is so. What a test waits for comes within milliseconds, so only a failure takes long.
func eventually(_ what: String, file: StaticString = #filePath, line: UInt = #line, _ isSo: () async throws -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(15)
    while try await !isSo() {
        guard ContinuousClock.now < end else { return XCTFail("never: \(what)", file: file, line: line) }
        try await Task.sleep(for: .milliseconds(2))
    }
}

func seconds(_ duration: Duration) -> Double {
    Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
}

extension TokenError.Reason {
    /// The reason's name in the table of rules.
    var name: String {
        switch self {
        case .refused: "refused"
        case .unavailable: "unavailable"
        case .network: "network"
        case .timeout: "timeout"
        case .badAnswer: "bad-answer"
        case .noJWT: "no-jwt"
        case .stopped: "stopped"
        }
    }
}
