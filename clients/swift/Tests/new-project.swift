// A program of another project. It uses the package, and nothing of the package's tests. It gets a token that lives for ten seconds, and the next one.
import Foundation
import Tokenmint

let address = ProcessInfo.processInfo.environment["TOKENMINT_URL"] ?? "http://localhost:9000"
let service = try TokenService(url: URL(string: address)!)
let keeper = TokenKeeper(service: service, request: .rtc(channel: "demo", uid: 7, expiresIn: 10), onError: { print("No token: \($0.message)") })
_ = try await keeper.token()
var tokens = Set<String>()
for await minted in await keeper.tokens() {
    tokens.insert(minted.token)
    print("token \(tokens.count) for the channel \(minted.channel ?? "")")
    if tokens.count == 2 { break }
}
await keeper.stop()
