import LibC
import TestSupport
import Testing
import WebSocketTesting

@testable import LibWebSockets

/// Things that stay behind in a process. Each test has one of its own, so that no other test's descriptors count; and is
/// run by itself (see the shortage tests): a busy libdispatch opens files to look at its threads.
@Suite("Descriptors, threads and memory that must not stay behind", .hangs) struct LeakIntegrationTests {
    private static let backends: [SocketLoop.Backend] = SocketLoop.testsRunOnLibuv ? [.libuv, .poll] : [.poll]

    /// Runs `body` once for what a process makes once, then often, and fails when that leaves descriptors open.
    private static func checkDescriptors(
        rounds: Int = 20, _ name: String, _ body: (SocketLoop.Backend) async throws -> Void
    ) async throws {
        try await warmUp()
        for backend in backends {
            try await body(backend)
            let before = OpenSockets.descriptors()
            for _ in 0..<rounds { try await body(backend) }
            let allowed = before.count + rounds * leaksPerLoop(on: backend)
            // Threads of the system's own resolver and queues may still be closing theirs.
            for _ in 0..<2_000 where OpenSockets.descriptors().count > allowed {
                try await Task.sleep(for: .milliseconds(1))
            }
            let after = OpenSockets.descriptors()
            #expect(
                after.count <= allowed,
                "\(name) on \(backend) leaks \(Set(after).subtracting(before).map(OpenSockets.description))")
        }
    }

    /// Some versions never close the eventfd that wakes a context. On libuv we find it and do it for them.
    private static func leaksPerLoop(on backend: SocketLoop.Backend) -> Int {
        let leaking = ["4.3.4", "4.3.5", "4.3.6", "4.4.0", "4.4.1"]
        return backend == .poll && leaking.contains { LibraryStartup.loadedVersion.hasPrefix($0) } ? 1 : 0
    }

    /// Makes Dispatch open what it opens once, such as its timer.
    private static func warmUp() async throws {
        try await Task.sleep(for: .milliseconds(1))
    }

    @Test("Loops that run and end leave no descriptor")
    func loops() async {
        await #expect(processExitsWith: .success) {
            try await Self.checkDescriptors("shutdown") { backend in
                let loop = SocketLoop(backend: backend)
                try loop.submit { _ in }
                await loop.shutDown()
            }
            try await Self.checkDescriptors("deinit") { backend in
                try SocketLoop(backend: backend).submit { _ in }
            }
        }
    }

    @Test("Loops that end with connects under way, while other threads open and close files, leave nothing")
    func connectsUnderWay() async {
        await #expect(processExitsWith: .success) {
            let server = try FaultServer(scripts: [[.readRequest, .stall]])
            try await Self.checkDescriptors(rounds: 150, "connects under way") { backend in
                let opener = FileOpener()
                let openers = [
                    Task.detached { await opener.openAndClose() }, Task.detached { await opener.openAndClose() },
                ]
                let loop = SocketLoop(backend: backend)
                let attempts = (0..<4).map { number in
                    Task {
                        try await WebSocket.connect(
                            to: "ws://\(number % 2 == 0 ? "127.0.0.1" : "localhost"):\(server.port)/", on: loop)
                    }
                }
                try loop.submit { _ in }
                await loop.shutDown()
                for attempt in attempts { _ = await attempt.result }
                // The descriptors that it has open would be counted.
                opener.stop()
                for task in openers { await task.value }
            }
            #expect(LibuvBackend.unfinishedCount == 0)
            server.stop()
        }
    }

    @Test("What could not be closed when a loop ended, because its number was taken, is when others begin")
    func takenNumber() async {
        await #expect(processExitsWith: .success) {
            try await Self.warmUp()
            // A loop of this test's own asks whether there is libuv, not `testsRunOnLibuv`: the loop of that one would end
            // while the next one begins, which may take its number, and keeps it.
            let probe = SocketLoop(backend: .libuv)
            guard (try? await probe.run { _ in }) != nil else { return }
            await probe.shutDown()
            let first = SocketLoop(backend: .libuv)
            try await first.run { _ in }
            let before = OpenSockets.descriptors()
            for _ in 0..<20 {
                let loop = SocketLoop(backend: .libuv)
                try loop.submit { _ in }
                let opener = FileOpener()
                let files = Task.detached { await opener.openAndKeep(maximum: 5_000) }
                await loop.shutDown()
                opener.stop()
                for file in await files.value { close(file) }
            }
            // More than one may have to begin: Dispatch opens files of its own now and then, which take a number as well.
            for _ in 0..<20 where OpenSockets.descriptors().count > before.count || LibuvBackend.unfinishedCount > 0 {
                let next = SocketLoop(backend: .libuv)
                try await next.run { _ in }
                await next.shutDown()
            }
            #expect(LibuvBackend.unfinishedCount == 0)
            #expect(OpenSockets.descriptors().count <= before.count)
            await first.shutDown()
        }
    }

    @Test("A loop that was never used has neither thread nor descriptor")
    func unusedLoop() async {
        await #expect(processExitsWith: .success) {
            // Many loops, so that a descriptor more or less of somebody else's does not matter.
            let before = OpenSockets.descriptors().count
            let loops = (0..<50).map { _ in SocketLoop() }
            #expect(OpenSockets.descriptors().count < before + loops.count)
            for loop in loops { try loop.submit { _ in } }
            #expect(OpenSockets.descriptors().count >= before + loops.count)
            for loop in loops { await loop.shutDown() }
        }
    }

    @Test("Connections and servers leave no descriptor, however they end", arguments: Security.allCases)
    func connections(security: Security) async {
        await #expect(processExitsWith: .success) { [security] in
            try await Self.checkDescriptors("connections") { backend in
                let loop = SocketLoop(backend: backend)
                var configuration = WebSocketServer.Configuration()
                configuration.tls = try security.server
                let server = try await WebSocketServer.start(
                    configuration: configuration, on: loop, handler: ServerPair.echo)
                var client = WebSocketConfiguration()
                client.tls = try security.client
                let closed = try await WebSocket.connect(to: server.url, configuration: client, on: loop)
                try await closed.send("hello")
                _ = try await closed.receive(1)
                await closed.close()
                let aborted = try await WebSocket.connect(to: server.url, configuration: client, on: loop)
                aborted.abort()
                do {
                    // Dropped.
                    _ = try await WebSocket.connect(to: server.url, configuration: client, on: loop)
                }
                let cancelled = Task { try await WebSocket.connect(to: server.url, configuration: client, on: loop) }
                cancelled.cancel()
                _ = await cancelled.result
                await server.stop()
                await loop.shutDown()
            }
        }
    }

    @Test("Attempts that fail leave no descriptor on a loop that goes on")
    func failedAttempts() async {
        await #expect(processExitsWith: .success) {
            let server = try FaultServer(scripts: [
                [], [.readRequest], [.readRequest, .reset], [.readRequest, .respond(status: 503)],
                [.readRequest, .stall],
                [.upgrade(.init(accept: .omitted)), .readUntilEnd],
                [.readRequest, .write("garbage\r\n\r\n"), .readUntilEnd],
                [.upgrade(), .readUntilEnd],
            ])
            for backend in Self.backends {
                let loop = SocketLoop(backend: backend)
                for _ in 0..<30 {
                    for scheme in ["ws", "wss"] {
                        // The last script accepts, so that there is something to drop, too.
                        _ = try? await WebSocket.connect(
                            to: "\(scheme)://127.0.0.1:\(server.port)/",
                            configuration: WebSocketConfiguration(
                                connectTimeout: .milliseconds(50), closeTimeout: .milliseconds(50)), on: loop)
                    }
                }
                for _ in 0..<2_000 where OpenSockets.connected(to: Int(server.port)) > 0 {
                    try await Task.sleep(for: .milliseconds(1))
                }
                #expect(OpenSockets.connected(to: Int(server.port)) == 0)
                await loop.shutDown()
            }
            server.stop()
        }
    }

    @Test("Closed connections are freed, with messages that nobody has read", arguments: Security.allCases)
    func memory(security: Security) async throws {
        weak var client: WebSocket?
        weak var server: WebSocket?
        try await withServer(security) { pair in
            let ends = try await pair.connectPair()
            (client, server) = (ends.client, ends.server)
            try await ends.server.send([UInt8](repeating: 1, count: 100_000))
            try await ends.client.send("unread")
            await ends.client.close()
        }
        try await eventually("the connections are still there") { client == nil && server == nil }
    }
}
