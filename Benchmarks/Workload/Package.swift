// swift-tools-version:6.2
import PackageDescription

// The part that the benchmark's clients in Swift share. A package of its own, so that ours is built without SwiftNIO.
let package = Package(
    name: "Workload",
    platforms: [.macOS(.v15)],
    products: [.library(name: "Workload", targets: ["Workload"])],
    dependencies: [.package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")],
    targets: [
        .target(
            name: "Workload",
            dependencies: [.product(name: "ArgumentParser", package: "swift-argument-parser")])
    ],
    swiftLanguageModes: [.v6]
)
