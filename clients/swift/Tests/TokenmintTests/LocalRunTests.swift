import XCTest
@testable import Tokenmint

/// The client with the running service (TOKENMINT_URL).
final class LocalRunTests: XCTestCase {
    private func service() throws -> TokenService {
        let url = try XCTUnwrap(ProcessInfo.processInfo.environment["TOKENMINT_URL"], "TOKENMINT_URL is the address of a local run")
        return try TokenService(url: XCTUnwrap(URL(string: url)))
    }

    func testTheServiceMintsEachKind() async throws {
        let service = try service()
        let uid = try await service.fetch(.rtc(channel: "demo room#1", uid: 4_294_967_295, publish: true))
        XCTAssertEqual(uid.kind, "agora-rtc")
        XCTAssertEqual(uid.channel, "demo room#1")
        XCTAssertEqual(uid.uid, 4_294_967_295)
        XCTAssertNil(uid.account)
        let account = try await service.fetch(.rtc(channel: "demo", account: "a+b@c", with: [.rtm], expiresIn: 600))
        XCTAssertEqual(account.account, "a+b@c")
        XCTAssertNil(account.uid)
        let privileges = try await service.fetch(.rtc(channel: "demo", privileges: ["join_channel": 3600, "publish_audio": 600], uid: 7))
        XCTAssertLessThanOrEqual(privileges.expiry, .seconds(600))
        let rtm = try await service.fetch(.rtm(userId: "a/b #?%"))
        XCTAssertEqual(rtm.userId, "a/b #?%")
        let older = try await service.fetch(.rtm(userId: "alice", version: "006"))
        XCTAssertTrue(older.token.hasPrefix("006"))
        let chat = try await service.fetch(.chat(userId: "alice"))
        XCTAssertEqual(chat.kind, "agora-chat-user")
        let zego = try await service.fetch(.zego(userId: "alice"))
        XCTAssertEqual(zego.kind, "zego-basic")
        let room = try await service.fetch(.zego(roomId: "demo", userId: "alice", publish: true, streamIds: ["s1"]))
        XCTAssertEqual([room.kind, room.roomId, room.appId], ["zego-room", "demo", "1234567890"])
        let zim = try await service.fetch(.zim(userId: "alice"))
        XCTAssertEqual(zim.kind, "zego-zim")
    }

    func testARefusalSaysWhy() async throws {
        let service = try service()
        let result = await Task { try await service.fetch(.chat(userId: "Alice")) }.result
        XCTAssertThrowsError(try result.get()) {
            let error = $0 as? TokenError
            XCTAssertEqual(error?.reason, .refused)
            XCTAssertEqual(error?.status, 400)
            XCTAssertEqual(error?.problem["type"], "urn:tokenmint:problem:bad-parameter")
        }
        for name in ["", ".", ".."] {
            let result = await Task { try await service.fetch(.chat(userId: name)) }.result
            XCTAssertThrowsError(try result.get(), name) { XCTAssertEqual(($0 as? TokenError)?.reason, .refused) }
        }
    }

    func testAKeeperRenews() async throws {
        let clock = FakeClock()
        let keeper = TokenKeeper(service: try service(), request: .rtm(userId: "alice"), clock: clock.clock)
        let first = try await keeper.token()
        try await eventually("the alarm") { clock.next != nil }
        // The service chooses a moment before the end.
        XCTAssertEqual(clock.next, first.renewal)
        XCTAssertLessThan(first.renewal, first.expiry)
        clock.move(to: first.renewal)
        try await eventually("another token") { await keeper.current?.token != first.token }
        await keeper.stop()
    }
}
