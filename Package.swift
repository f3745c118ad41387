// swift-tools-version: 5.9
import PackageDescription

// The Swift client. SwiftPM takes a package only from a repository's root, so this file is here.
let package = Package(
    name: "Tokenmint",
    platforms: [.iOS(.v16), .macOS(.v13), .tvOS(.v16), .visionOS(.v1)],
    products: [.library(name: "Tokenmint", targets: ["Tokenmint"])],
    targets: [
        .target(name: "Tokenmint", path: "clients/swift/Sources/Tokenmint"),
        .testTarget(name: "TokenmintTests", dependencies: ["Tokenmint"], path: "clients/swift/Tests/TokenmintTests"),
    ]
)
