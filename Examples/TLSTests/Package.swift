// swift-tools-version:6.2
import PackageDescription

// As a user's repository would have it: a small client library, and tests of whether it checks certificates.
let package = Package(
    name: "TLSTests",
    platforms: [.macOS(.v15)],
    products: [.library(name: "PriceFeed", targets: ["PriceFeed"])],
    dependencies: [
        // In a repository of your own: .package(url: "https://github.com/…/swift-libwebsockets", from: "0.1.0")
        .package(name: "swift-libwebsockets", path: "../.."),
        // For the tests of another client, NIOClientTests, alone.
        .package(url: "https://github.com/apple/swift-nio", from: "2.80.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.29.0"),
    ],
    targets: [
        .target(
            name: "PriceFeed",
            dependencies: [.product(name: "LibWebSockets", package: "swift-libwebsockets")]
        ),
        .testTarget(
            name: "PriceFeedTests",
            dependencies: ["PriceFeed", .product(name: "WebSocketTesting", package: "swift-libwebsockets")]
        ),
        .testTarget(
            name: "NIOClientTests",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "WebSocketTesting", package: "swift-libwebsockets"),
            ]
        ),
    ],
    swiftLanguageModes: [.v6]
)
