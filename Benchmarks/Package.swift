// swift-tools-version:6.2
import PackageDescription

let commonSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

// A package of its own, so that what only measurements need is not a dependency of the product.
let package = Package(
    name: "Benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "swift-libwebsockets", path: ".."),
        .package(path: "Workload"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    ],
    targets: [
        .systemLibrary(name: "CMalloc"),
        .target(name: "CSilentDNS"),
        .executableTarget(
            name: "Client",
            dependencies: [
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "LibWebSockets", package: "swift-libwebsockets"),
                .product(name: "WebSocketService", package: "swift-libwebsockets"),
                "Workload",
            ],
            swiftSettings: commonSettings
        ),
        .executableTarget(
            name: "Soak",
            dependencies: [
                "CMalloc",
                "CSilentDNS",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "LibWebSockets", package: "swift-libwebsockets"),
                .product(name: "WebSocketService", package: "swift-libwebsockets"),
                .product(name: "WebSocketTesting", package: "swift-libwebsockets"),
            ]
        ),
    ],
    swiftLanguageModes: [.v6]
)
