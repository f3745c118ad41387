import Foundation

/// Which token to ask for. The service checks the names and values, and says which one is wrong.
public struct TokenRequest: Sendable {
    /// Other services that an RTC token can also be for.
    public enum Also: String, Sendable, Encodable {
        case rtm, chat
    }

    let path: [String]
    let query: [(name: String, value: String)]
    /// The JSON of a POST. A request without it is a GET.
    let body: Data?

    private init(_ path: [String], query: [(name: String, value: String?)] = [], body: (any Encodable)? = nil) {
        self.path = path
        self.query = query.compactMap { item in item.value.map { (name: item.name, value: $0) } }
        self.body = body.map { body in
            // Only strings, numbers, booleans, and lists and objects of them, so this cannot fail.
            try! JSONEncoder().encode(body)
        }
    }

    /// Agora RTC, for one channel. Give `uid` or `account`, never both. If you give neither, the service assigns a uid.
    /// Join with the user that the answer names: with the number `uid`, or with the string `account`.
    public static func rtc(
        channel: String, uid: UInt32? = nil, account: String? = nil, publish: Bool = false, with also: [Also] = [], expiresIn: Int? = nil
    ) -> TokenRequest {
        var query: [(name: String, value: String?)] = [
            ("uid", uid.map(String.init)), ("account", account), ("role", publish ? "publisher" : nil), ("expires_in", expiresIn.map(String.init)),
        ]
        for service in also { query.append((name: "with", value: service.rawValue)) }
        return TokenRequest(["rtc", channel, "token"], query: query)
    }

    /// Like `rtc`, with a lifetime in seconds for each privilege: `["join_channel": 3600, "publish_audio": 600]`.
    public static func rtc(
        channel: String, privileges: [String: Int], uid: UInt32? = nil, account: String? = nil, with also: [Also] = [], expiresIn: Int? = nil
    ) -> TokenRequest {
        struct Body: Encodable {
            let uid: UInt32?
            let account: String?
            let role: String
            let with: [Also]
            let expires_in: Int?
            let privileges: [String: Int]
        }
        let publishes = privileges.keys.contains { $0 != "join_channel" }
        let body = Body(
            uid: uid, account: account, role: publishes ? "publisher" : "subscriber", with: also, expires_in: expiresIn, privileges: privileges)
        return TokenRequest(["rtc", channel, "token"], body: body)
    }

    /// Agora RTM (Signaling). Version `006` is for RTM SDK 1.x.
    public static func rtm(userId: String = "me", version: String? = nil, expiresIn: Int? = nil) -> TokenRequest {
        TokenRequest(["rtm", userId, "token"], query: [("version", version), ("expires_in", expiresIn.map(String.init))])
    }

    /// Agora Chat.
    public static func chat(userId: String = "me", expiresIn: Int? = nil) -> TokenRequest {
        TokenRequest(["chat", "user", userId, "token"], query: [("expires_in", expiresIn.map(String.init))])
    }

    /// ZEGO Express: every room.
    public static func zego(userId: String = "me", expiresIn: Int? = nil) -> TokenRequest {
        TokenRequest(["zego", userId, "token"], query: [("expires_in", expiresIn.map(String.init))])
    }

    /// ZEGO Express: one room. If `streamIds` is empty, the user may publish any stream, otherwise only these.
    public static func zego(
        roomId: String, userId: String = "me", publish: Bool = false, streamIds: [String] = [], expiresIn: Int? = nil
    ) -> TokenRequest {
        struct Body: Encodable {
            let room_id: String
            let privileges: [String: Bool]
            let stream_ids: [String]
            let expires_in: Int?
        }
        let body = Body(
            room_id: roomId, privileges: ["login": true, "publish": publish], stream_ids: streamIds, expires_in: expiresIn)
        return TokenRequest(["zego", userId, "token"], body: body)
    }

    /// ZEGO ZIM.
    public static func zim(userId: String = "me", expiresIn: Int? = nil) -> TokenRequest {
        TokenRequest(["zim", userId, "token"], query: [("expires_in", expiresIn.map(String.init))])
    }

    /// The address with path and query. `nil` if a name is empty, "." or "..": servers read these as steps between
    /// folders.
    func address(below base: URL) -> URL? {
        // Encode everything else. URLComponents would leave a "+" in a query, and the service reads that as a space.
        let plain = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
        func encoded(_ text: String) -> String? { text.addingPercentEncoding(withAllowedCharacters: plain) }
        guard var components = URLComponents(url: base, resolvingAgainstBaseURL: false) else { return nil }
        var whole = components.percentEncodedPath
        while whole.hasSuffix("/") { whole.removeLast() }
        for part in path {
            guard !part.isEmpty, part != ".", part != "..", let part = encoded(part) else { return nil }
            whole += "/" + part
        }
        components.percentEncodedPath = whole
        let pairs = query.compactMap { item in encoded(item.value).map { "\(item.name)=\($0)" } }
        components.percentEncodedQuery = pairs.isEmpty ? nil : pairs.joined(separator: "&")
        return components.url
    }
}
