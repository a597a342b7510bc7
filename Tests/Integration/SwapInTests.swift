import Logging
import Synchronization
import BrowserCompat
import Foundation
import LibWebSockets
import StarscreamCompat
import TestSupport
import Testing
import URLSessionCompat
import WebSocketKitCompat
import WebSocketTesting

/// The programs in `Programs` were written for other clients. Each runs against Python's server over wss, whose authority is a
/// private one, and comes back with it: what their originals have no place for is set here.
@Suite("Programs for other clients", .needsEchoServer, .timeLimit(.minutes(5)))
struct SwapInIntegrationTests {
    /// The messages that a program has received.
    private final class Lines: Sendable {
        private let lines = Lock<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func add(_ line: String) { lines.withLock { $0.append(line) } }
        func count(of line: String) -> Int { all.count { $0 == line } }
    }

    /// Runs a program while its server dies and comes back.
    private func withRestart(
        _ change: (inout EchoServerOptions) -> Void = { _ in },
        _ start: (_ url: String, _ options: WebSocketCompatOptions, _ lines: Lines) async throws -> () async throws ->
            Void
    ) async throws {
        try await withSecureEchoServer(change) { server, configuration in
            var options = WebSocketCompatOptions(connection: configuration)
            options.connection.logger.logLevel = .critical
            options.reconnects = .exponential(initial: .milliseconds(20), maximum: .milliseconds(200))
            let lines = Lines()
            let stop = try await start(server.url(scheme: "wss"), options, lines)
            try await eventually("\(lines.all)") { lines.count(of: "subscribe") == 1 }
            await server.kill()
            try await server.restart()
            try await eventually("\(lines.all)") { lines.count(of: "subscribe") == 2 }
            // In good order this time.
            await server.terminate()
            try await server.restart()
            try await eventually("\(lines.all)") { lines.count(of: "subscribe") == 3 }
            try await stop()
        }
    }

    @Test("A program for URLSession lives through two restarts of the server") func urlSession() async throws {
        try await withRestart { url, options, lines in
            let configuration = URLSessionConfiguration.default
            configuration.options = options
            let feed = URLSessionFeed { lines.add($0) }
            feed.start(url: try #require(URL(string: url)), configuration: configuration)
            return {
                try await feed.ping()
                feed.stop()
                // Its queue calls several at a time, so that their order is chance.
                try await eventually("\(lines.all)") {
                    lines.count(of: "complete") == 1 && lines.count(of: "closed with 1001") == 2
                }
                #expect(lines.count(of: "open") == 3)
            }
        }
    }

    @Test("A program for Starscream lives through two restarts of the server") func starscream() async throws {
        try await withRestart { url, options, lines in
            let feed = StarscreamFeed(url: try #require(URL(string: url))) { lines.add($0) }
            feed.socket.options = options
            feed.start()
            return {
                feed.stop()
                try await eventually("\(lines.all)") { lines.all.last == "cancelled" }
                #expect(lines.count(of: "open with headers") == 3 && lines.count(of: "pong") >= 2)
                #expect(lines.all.contains { $0.hasPrefix("disconnected 1001") })
            }
        }
    }

    @Test("A program for websocket-kit lives through two restarts of the server") func webSocketKit() async throws {
        try await withRestart { url, options, lines in
            var configuration = WebSocketClient.Configuration()
            configuration.options = options
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            let feed = WebSocketKitFeed(url: url) { lines.add($0) }
            try await feed.run(configuration: configuration, on: group)
            return {
                try await group.shutdownGracefully()
                try await eventually("\(lines.all)") { lines.count(of: "closed") == 3 }
                #expect(lines.count(of: "open") == 3 && lines.count(of: "3 bytes") == 3)
            }
        }
    }

    @Test("A program for websocket-kit trusts the authority whose certificate it reads from a file")
    func webSocketKitWithTheAuthorityInAFile() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "swap-in-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let fixture = try TLSFixture()
        try await withEchoServer(fixture.echoOptions) { server in
            let authorities = try fixture.authority.write(to: directory.path)
            let lines = Lines()
            let feed = WebSocketKitFeed(url: server.url(scheme: "wss")) { lines.add($0) }
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            let configuration = WebSocketKitFeed.configuration(authorities: authorities)
            try await feed.connect(configuration: configuration, on: group).get()
            try await eventually("\(lines.all)") { lines.all == ["subscribe", "closing"] }
            try await group.shutdownGracefully()
        }
    }

    @MainActor @Test("A program for the browser's WebSocket lives through two restarts of the server")
    func browser() async throws {
        let sockets = Lock<[BrowserWebSocket]>([])
        try await withRestart({ $0.subprotocols = ["feed"] }) { url, options, lines in
            let socket = try await MainActor.run { try browserFeed(url, options: options) { lines.add($0) } }
            sockets.withLock { $0.append(socket) }
            return {
                await MainActor.run { socket.close() }
                try await eventually("\(lines.all)") { lines.all.last == "closed with 1005" }
                #expect(lines.count(of: "open feed") == 3 && lines.all.contains("closed with 1006"))
            }
        }
    }
}
