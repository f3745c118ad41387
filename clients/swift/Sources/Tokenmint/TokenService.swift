import Foundation
// Outside of Apple's systems, URLSession has a module of its own.
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// A token, and what the service says about it. All times are the server's, in Unix seconds.
public struct MintedToken: Sendable, Equatable {
    /// The token, as the SDK takes it. It is a secret until it expires, so don't log it.
    public let token: String
    /// `agora-rtc`, `zego-room`...
    public let kind: String
    /// The vendor's app id: 32 hexadecimal digits at Agora, a number at ZEGO.
    public let appId: String
    /// The user's id. RTC has `uid` or `account` instead.
    public let userId: String?
    /// The RTC channel.
    public let channel: String?
    /// The numeric RTC user. An RTC answer has either this or `account`.
    public let uid: UInt32?
    /// The RTC user by name.
    public let account: String?
    /// The ZEGO room.
    public let roomId: String?
    public let expiresAt: Int64
    /// When to fetch the next one.
    public let renewAt: Int64
    /// How long the token and its privileges were still good when the service answered, by the server's own clock.
    let expiry: Duration
    let renewal: Duration
}

extension MintedToken: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "MintedToken(\(kind), expires at \(expiresAt))" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["kind": kind, "expiresAt": expiresAt]) }
}

extension MintedToken: Decodable {
    private enum Key: String, CodingKey {
        case token, kind, app_id, user_id, channel, uid, account, room_id, expires_at, expires_in, renew_at, privileges
    }

    private static let moments: ClosedRange<Int64> = 0...(1 << 53)

    private struct Privilege: Decodable {
        let end: Int64?

        enum Key: String, CodingKey { case expires_at }

        init(from decoder: any Decoder) throws {
            // RTC's privileges have an end. ZEGO's are true or false.
            let fields = try? decoder.container(keyedBy: Key.self)
            end = try fields?.decodeIfPresent(Int64.self, forKey: .expires_at)
        }
    }

    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        token = try fields.decode(String.self, forKey: .token)
        guard !token.isEmpty else { throw DecodingError.dataCorruptedError(forKey: .token, in: fields, debugDescription: "empty") }
        kind = try fields.decode(String.self, forKey: .kind)
        if let text = try? fields.decode(String.self, forKey: .app_id) {
            appId = text
        } else {
            appId = String(try fields.decode(UInt32.self, forKey: .app_id))
        }
        userId = try fields.decodeIfPresent(String.self, forKey: .user_id)
        channel = try fields.decodeIfPresent(String.self, forKey: .channel)
        uid = try fields.decodeIfPresent(UInt32.self, forKey: .uid)
        account = try fields.decodeIfPresent(String.self, forKey: .account)
        roomId = try fields.decodeIfPresent(String.self, forKey: .room_id)
        expiresAt = try fields.decode(Int64.self, forKey: .expires_at)
        renewAt = try fields.decode(Int64.self, forKey: .renew_at)
        let expiresIn = try fields.decode(Int64.self, forKey: .expires_in)
        let privileges = try fields.decodeIfPresent([String: Privilege].self, forKey: .privileges) ?? [:]
        let ends = privileges.values.compactMap(\.end)
        // Swift ends the app if a difference does not fit into 64 bits.
        guard ([expiresAt, renewAt, expiresIn] + ends).allSatisfy({ Self.moments.contains($0) }) else {
            throw DecodingError.dataCorruptedError(forKey: .expires_at, in: fields, debugDescription: "not a moment")
        }
        let now = expiresAt - expiresIn
        // A privilege may end before the token. After that the token no longer does what the app needs.
        let end = min(expiresAt, ends.min() ?? expiresAt)
        expiry = .seconds(end - now)
        // Wait at least a second: a renewal that is always due at once would be a loop.
        renewal = max(.seconds(1), min(.seconds(renewAt - now), expiry))
    }
}

/// Why there is no token. Holds neither a token nor the caller's JWT.
public struct TokenError: Error, Sendable, LocalizedError {
    public enum Reason: Sendable {
        /// The service refuses, and another try would not change that (401, 403, 404, another 4xx).
        case refused
        /// The service cannot answer now, but may later (5xx, 408, 425, 429, or a redirect, which is not followed).
        case unavailable
        /// No answer: there is no connection, or the name doesn't resolve.
        case network
        /// No complete answer in time.
        case timeout
        /// The answer holds no token. It may come from a hotel's log-in page, for example.
        case badAnswer
        /// The `jwt` function failed, or returned nothing that can be sent.
        case noJWT
        /// The keeper was stopped.
        case stopped
    }

    public let reason: Reason
    public let message: String
    /// The HTTP status, if there was an answer.
    public var status: Int?
    /// What the service says about it (RFC 9457), if it does: `type`, `title`, `detail`, `request_id`.
    public var problem: [String: String] = [:]
    var retryAfter: Duration = .zero

    init(_ reason: Reason, _ message: String, status: Int? = nil) {
        self.reason = reason
        self.message = message
        self.status = status
    }

    /// Whether the same request may get a token a little later.
    public var isTemporary: Bool { reason != .refused && reason != .stopped }

    public var errorDescription: String? { message }
}

/// The service that gives tokens, and the JWT that says who the caller is.
public final class TokenService: Sendable {
    /// Returns the caller's JWT. It is called before each attempt. It should stop when its task is cancelled.
    public typealias JWT = @Sendable () async throws -> String

    /// The version of this client. The service has the same versions.
    public static let version = "0.2.0"

    private let base: URL
    private let exchange = Exchange()
    private let timeout: Duration
    private let jwt: JWT?

    /// - Parameters:
    ///   - url: The service's address, host and path.
    ///   - timeout: How long one attempt may take, the `jwt` function included.
    ///   - jwt: Returns the caller's JWT, which is sent only over HTTPS, or to this machine. Without this function
    ///     requests carry no identity, and only a local run gives tokens.
    /// - Throws: `TokenError` if the address is not valid, or a JWT would go over plain HTTP.
    public init(url: URL, timeout: Duration = .seconds(10), jwt: JWT? = nil) throws {
        guard let parts = URLComponents(url: url, resolvingAgainstBaseURL: true), let host = parts.host, !host.isEmpty,
            parts.scheme == "https" || parts.scheme == "http", parts.user == nil, parts.password == nil, parts.query == nil, parts.fragment == nil
        else { throw TokenError(.refused, "The service's address must be http:// or https:// with a host and a path, nothing else.") }
        guard jwt == nil || parts.scheme == "https" || Self.isThisMachine(host) else {
            throw TokenError(.refused, "A JWT may be sent only over HTTPS, or to this machine.")
        }
        base = url.absoluteURL
        self.timeout = timeout
        self.jwt = jwt
    }

    /// Sends one request.
    ///
    /// - Throws: `TokenError` for any failure, `CancellationError` if the task was cancelled.
    public func fetch(_ request: TokenRequest) async throws -> MintedToken {
        let timeout = timeout
        return try await withThrowingTaskGroup(of: MintedToken.self) { group in
            group.addTask { try await self.attempt(request) }
            group.addTask {
                try await Task.sleep(for: timeout, clock: .continuous)
                throw TokenError(.timeout, "The token service did not answer within \(timeout).")
            }
            defer { group.cancelAll() }
            guard let minted = try await group.next() else { throw CancellationError() }
            return minted
        }
    }

    private func attempt(_ request: TokenRequest) async throws -> MintedToken {
        guard let url = request.address(below: base) else { throw TokenError(.refused, "This name cannot be a part of an address.") }
        var call = URLRequest(url: url)
        call.setValue("application/json", forHTTPHeaderField: "Accept")
        var sent: String?
        if let jwt {
            let token = try await bearer(jwt)
            call.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
            sent = token
        }
        if let body = request.body {
            call.httpMethod = "POST"
            call.httpBody = body
            call.setValue("application/json", forHTTPHeaderField: "Content-Type")
        }
        let (data, response): (Data, HTTPURLResponse)
        do {
            (data, response) = try await exchange.answer(to: call)
        } catch let error as TokenError {
            throw error
        } catch {
            try Task.checkCancellation()
            let late = (error as? URLError)?.code == .timedOut
            throw TokenError(late ? .timeout : .network, "The token service cannot be reached: \(error.localizedDescription)")
        }
        guard response.statusCode == 200 else {
            // A server may repeat the JWT that it refuses, and errors end up in logs.
            let text = String(decoding: data, as: UTF8.self)
            throw Self.refusal(response, Data((sent.map { text.replacingOccurrences(of: $0, with: "[JWT]") } ?? text).utf8))
        }
        guard let minted = try? JSONDecoder().decode(MintedToken.self, from: data) else {
            throw TokenError(.badAnswer, "The answer holds no token.", status: 200)
        }
        return minted
    }

    private func bearer(_ jwt: JWT) async throws -> String {
        let token: String
        do {
            token = try await jwt()
        } catch {
            try Task.checkCancellation()
            throw TokenError(.noJWT, "The jwt function failed, so there is no JWT to send.")
        }
        // The syntax is RFC 6750's b64token. It also keeps line breaks out of the header.
        guard token.range(of: "^[A-Za-z0-9._~+/-]+=*$", options: .regularExpression) == token.startIndex..<token.endIndex else {
            throw TokenError(.noJWT, "The jwt function returned no JWT.")
        }
        return token
    }

    private static func isThisMachine(_ host: String) -> Bool {
        host == "localhost" || host.hasSuffix(".localhost") || host == "::1" || host == "[::1]"
            || host.range(of: "^127(\\.[0-9]{1,3}){3}$", options: .regularExpression) != nil
    }

    private static func refusal(_ response: HTTPURLResponse, _ data: Data) -> TokenError {
        let status = response.statusCode
        let json = (try? JSONSerialization.jsonObject(with: data)) as? [String: Any] ?? [:]
        // The service sends a problem, the gateway a `message`.
        var problem: [String: String] = [:]
        for name in ["type", "title", "detail", "request_id", "message"] {
            if let text = json[name] as? String { problem[name] = String(text.prefix(500)) }
        }
        let why = problem["detail"] ?? problem["title"] ?? problem["message"]
        let temporary = status >= 500 || status == 408 || status == 425 || status == 429 || status < 400
        let message = "The token service answered \(status)" + (why.map { ": \($0)" } ?? "")
        var error = TokenError(temporary ? .unavailable : .refused, message, status: status)
        error.problem = problem
        error.retryAfter = retryAfter(response)
        return error
    }

    /// A date is compared with the server's own `Date`, never with this device's clock.
    private static func retryAfter(_ response: HTTPURLResponse) -> Duration {
        guard let asked = response.value(forHTTPHeaderField: "Retry-After")?.trimmingCharacters(in: .whitespaces) else { return .zero }
        if let seconds = Int64(asked) { return .seconds(max(0, seconds)) }
        guard let then = moment(asked), let now = moment(response.value(forHTTPHeaderField: "Date") ?? "") else { return .zero }
        return .seconds(max(0, then.timeIntervalSince(now)))
    }

    private static func moment(_ text: String) -> Date? {
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = TimeZone(secondsFromGMT: 0)
        format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        return format.date(from: text)
    }
}
