// swift-tools-version:6.2
import PackageDescription

/// CI sets this, so that a warning fails the build there and never blocks somebody trying things out.
let warningsAreErrors = Context.environment["WARNINGS_AS_ERRORS"] != nil

let commonSettings: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ] + (warningsAreErrors ? [.treatAllWarnings(as: .error)] : [])

/// Settings for targets that import no C. A header of the system's counts as part of whichever C module a build reads it through
/// first: `stat` is LibC's in one build and CLibuv's in the next, and MemberImportVisibility would refuse it there.
let settingsWithoutC = commonSettings + [.enableUpcomingFeature("MemberImportVisibility")]

let package = Package(
    name: "swift-libwebsockets",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "LibWebSockets", targets: ["LibWebSockets"]),
        .library(name: "WebSocketService", targets: ["WebSocketService"]),
        .library(name: "WebSocketTesting", targets: ["WebSocketTesting"]),
        .library(
            name: "WebSocketCompat",
            targets: ["BrowserCompat", "StarscreamCompat", "URLSessionCompat", "WebSocketCompat", "WebSocketKitCompat"]),
        .executable(name: "lwscat", targets: ["lwscat"]),
        .executable(name: "badwss", targets: ["badwss"]),
    ],
    traits: [
        .trait(name: "ServiceLifecycleSupport", description: "`SocketService` is a `ServiceLifecycle.Service`."),
        .default(enabledTraits: ["ServiceLifecycleSupport"]),
    ],
    dependencies: [
        // For the tools alone: no library of this package uses it.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.3.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.7.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.5.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.6.0"),
    ],
    targets: [
        .systemLibrary(
            name: "CLibwebsockets",
            pkgConfig: "libwebsockets",
            providers: [.apt(["libwebsockets-dev"]), .brew(["libwebsockets"])]
        ),
        .systemLibrary(
            name: "COpenSSL",
            pkgConfig: "openssl",
            providers: [.apt(["libssl-dev"]), .brew(["openssl@3"])]
        ),
        .systemLibrary(
            name: "CLibuv",
            pkgConfig: "libuv",
            providers: [.apt(["libuv1-dev"]), .brew(["libuv"])]
        ),
        .systemLibrary(
            name: "CZlib",
            pkgConfig: "zlib",
            providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]
        ),
        // The C library, whose module has another name on each platform.
        .target(name: "LibC", swiftSettings: commonSettings),
        .target(
            name: "WebSocketProtocol",
            dependencies: ["CZlib", .product(name: "HTTPTypes", package: "swift-http-types")],
            swiftSettings: commonSettings
        ),
        .target(
            name: "LibWebSockets",
            dependencies: [
                "CLibuv",
                "CLibwebsockets",
                "COpenSSL",
                "LibC",
                "WebSocketProtocol",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "HeapModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: commonSettings + [.strictMemorySafety()]
        ),
        .target(
            name: "WebSocketService",
            dependencies: [
                "LibWebSockets",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "HashTreeCollections", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(
                    name: "ServiceLifecycle",
                    package: "swift-service-lifecycle",
                    condition: .when(traits: ["ServiceLifecycleSupport"])
                ),
            ],
            swiftSettings: settingsWithoutC
        ),
        .target(
            name: "WebSocketTesting",
            dependencies: [
                "COpenSSL",
                "LibC",
                "LibWebSockets",
                "WebSocketService",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: commonSettings
        ),
        // The part that the shapes of other clients share, and below it a module for each: two of them have a type of the
        // same name.
        .target(
            name: "WebSocketCompat",
            dependencies: [
                "WebSocketService",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Sources/WebSocketCompat/Core",
            swiftSettings: settingsWithoutC
        ),
        .target(
            name: "BrowserCompat",
            dependencies: ["WebSocketCompat"],
            path: "Sources/WebSocketCompat/BrowserCompat",
            swiftSettings: settingsWithoutC
        ),
        .target(
            name: "StarscreamCompat",
            dependencies: ["WebSocketCompat", .product(name: "HTTPTypes", package: "swift-http-types")],
            path: "Sources/WebSocketCompat/StarscreamCompat",
            swiftSettings: settingsWithoutC
        ),
        .target(
            name: "URLSessionCompat",
            dependencies: [
                "WebSocketCompat",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            path: "Sources/WebSocketCompat/URLSessionCompat",
            swiftSettings: settingsWithoutC
        ),
        .target(
            name: "WebSocketKitCompat",
            dependencies: ["WebSocketCompat", .product(name: "HTTPTypes", package: "swift-http-types")],
            path: "Sources/WebSocketCompat/WebSocketKitCompat",
            swiftSettings: settingsWithoutC
        ),
        .executableTarget(
            name: "Demo",
            dependencies: [
                "LibC",
                "WebSocketService",
                "WebSocketTesting",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: commonSettings
        ),
        .executableTarget(
            name: "lwscat",
            dependencies: [
                "LibC",
                "LibWebSockets",
                "WebSocketService",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: commonSettings
        ),
        .executableTarget(
            name: "badwss",
            dependencies: [
                "LibWebSockets",
                "WebSocketTesting",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: commonSettings
        ),
        // The targets that scripts/fuzz runs, and a test with each corpus.
        .target(
            name: "FuzzTargets",
            dependencies: [
                "WebSocketProtocol",
                "WebSocketService",
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            path: "Fuzzing/Targets",
            swiftSettings: settingsWithoutC
        ),
        // A program of the integration tests, compiled with what it was written for.
        .target(
            name: "OriginalPrograms",
            path: "Tests/OriginalPrograms",
            swiftSettings: commonSettings + [.define("ORIGINAL")]
        ),
        .executableTarget(name: "Conformance", dependencies: ["LibWebSockets"], swiftSettings: commonSettings),
        .executableTarget(
            name: "Differential",
            dependencies: ["WebSocketProtocol", .product(name: "HTTPTypes", package: "swift-http-types")],
            swiftSettings: commonSettings
        ),
        .executableTarget(
            name: "ReconnectStorm",
            dependencies: ["WebSocketService", "WebSocketTesting"],
            swiftSettings: settingsWithoutC
        ),
        // What tests of several targets need.
        .target(
            name: "TestSupport",
            dependencies: [
                "LibC",
                "LibWebSockets",
                .product(name: "InMemoryLogging", package: "swift-log"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/TestSupport",
            swiftSettings: commonSettings
        ),
        .testTarget(name: "FuzzTargetsTests", dependencies: ["FuzzTargets"], swiftSettings: commonSettings),
        .testTarget(
            name: "WebSocketProtocolTests",
            dependencies: ["CZlib", "LibC", "WebSocketProtocol", "WebSocketTesting"],
            swiftSettings: commonSettings
        ),
        .testTarget(
            name: "LibWebSocketsTests",
            dependencies: [
                "COpenSSL",
                "LibC",
                "LibWebSockets",
                "TestSupport",
                "WebSocketTesting",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: commonSettings
        ),
        .testTarget(
            name: "WebSocketServiceTests",
            dependencies: [
                "LibC",
                "TestSupport",
                "WebSocketService",
                "WebSocketTesting",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
                .product(
                    name: "ServiceLifecycle",
                    package: "swift-service-lifecycle",
                    condition: .when(traits: ["ServiceLifecycleSupport"])
                ),
            ],
            swiftSettings: commonSettings
        ),
        .testTarget(
            name: "WebSocketCompatTests",
            dependencies: [
                "BrowserCompat", "StarscreamCompat", "TestSupport", "URLSessionCompat", "WebSocketCompat",
                "WebSocketKitCompat", "WebSocketTesting", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: commonSettings
        ),
        .testTarget(
            name: "WebSocketTestingTests",
            dependencies: ["COpenSSL", "LibC", "TestSupport", "WebSocketService", "WebSocketTesting"],
            swiftSettings: commonSettings
        ),
        .testTarget(
            name: "DocumentationTests",
            dependencies: [
                "BrowserCompat",
                "LibWebSockets",
                "ReconnectStorm",
                "StarscreamCompat",
                "URLSessionCompat",
                "WebSocketCompat",
                "WebSocketKitCompat",
                "WebSocketService",
                "WebSocketTesting",
                .product(name: "Logging", package: "swift-log"),
                .product(
                    name: "ServiceLifecycle",
                    package: "swift-service-lifecycle",
                    condition: .when(traits: ["ServiceLifecycleSupport"])
                ),
                .product(
                    name: "UnixSignals",
                    package: "swift-service-lifecycle",
                    condition: .when(traits: ["ServiceLifecycleSupport"])
                ),
            ],
            exclude: ["OriginalAPI"],
            swiftSettings: commonSettings
        ),
        .testTarget(
            name: "lwscatTests",
            dependencies: ["lwscat", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: commonSettings
        ),
        .testTarget(
            name: "badwssTests",
            dependencies: [
                "WebSocketTesting", "badwss", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: commonSettings
        ),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "BrowserCompat", "Differential", "LibWebSockets", "OriginalPrograms", "StarscreamCompat", "TestSupport",
                "URLSessionCompat", "WebSocketCompat", "WebSocketKitCompat", "WebSocketService", "WebSocketTesting",
                "badwss", "lwscat", .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/Integration",
            exclude: ["Clients", "Servers"],
            swiftSettings: commonSettings
        ),
    ],
    swiftLanguageModes: [.v6]
)

// Only scripts/fuzz builds this: it links with libFuzzer, which needs every target compiled with -sanitize=fuzzer.
if Context.environment["FUZZING"] != nil {
    package.targets += [
        .systemLibrary(name: "CLibFuzzer", path: "Fuzzing/CLibFuzzer"),
        .executableTarget(name: "Fuzz", dependencies: ["CLibFuzzer", "FuzzTargets"], path: "Fuzzing/Driver"),
    ]
}

// scripts/mutants builds the tests of one target at a time.
if let wanted = Context.environment["TEST_TARGETS"] {
    package.targets.removeAll { $0.type == .test && !wanted.split(separator: ",").contains(Substring($0.name)) }
}
