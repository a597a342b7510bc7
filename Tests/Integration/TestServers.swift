import Foundation
import Testing

/// The source of the servers for the integration tests.
enum TestServers {
    /// The scripts lie beside this file, and not in a bundle: tests run where they were built.
    static let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Servers")

    static let clients = directory.deletingLastPathComponent().appending(path: "Clients")

    /// Python in the environment that `scripts/test-servers` makes. It is a symbolic link, and finds its packages only
    /// when it is started by this name.
    static let python = directory.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: ".venv/bin/python")

    static var hasPython: Bool { FileManager.default.isExecutableFile(atPath: python.path) }

    static var hasNginx: Bool { program("nginx") != nil }

    /// The path of a program that the system's packages have installed.
    static func program(_ name: String) -> URL? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        return "\(path):/usr/sbin".split(separator: ":").map { URL(filePath: "\($0)/\(name)") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
    }

    /// Continuous integration can install the servers: there a test must fail without them, and not be skipped.
    static var mustBeThere: Bool { ProcessInfo.processInfo.environment["CI"] != nil }
}

extension Trait where Self == ConditionTrait {
    static var needsEchoServer: Self {
        .enabled("There is no \(TestServers.python.path): run scripts/test-servers") {
            TestServers.mustBeThere || TestServers.hasPython
        }
    }

    static var needsTmux: Self {
        .enabled("There is no tmux: run scripts/setup") {
            TestServers.mustBeThere || TestServers.program("tmux") != nil
        }
    }

    static var needsNginx: Self {
        .enabled("There is no nginx or no \(TestServers.python.path): run scripts/setup and scripts/test-servers") {
            TestServers.mustBeThere || TestServers.hasPython && TestServers.hasNginx
        }
    }
}
