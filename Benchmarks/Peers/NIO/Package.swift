// swift-tools-version:6.2
import PackageDescription

// SwiftNIO's WebSocket stack as a peer. A package of its own, so that ours is built without it.
let package = Package(
    name: "NIOPeer",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(path: "../../Workload"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.80.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.30.0"),
    ],
    targets: [
        .executableTarget(
            name: "NIOClient",
            dependencies: [
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                "Workload",
            ])
    ],
    // The state of a run belongs to one event loop, of which the compiler is not told.
    swiftLanguageModes: [.v5]
)
