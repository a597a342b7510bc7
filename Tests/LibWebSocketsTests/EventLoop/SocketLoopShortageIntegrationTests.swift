import LibC
import TestSupport
import Testing
import WebSocketTesting

@testable import LibWebSockets

/// Loops that begin while the system lacks something. Each test has a process of its own: its limits are everybody's, and
/// the first loop of a process needs more than the next.
///
/// The name puts it among the tests that `scripts/test` runs one after the other: a process that is out of descriptors for
/// so long that libdispatch looks how busy its threads are is ended by that (`_dispatch_workq_count_runnable_workers`).
@Suite(.hangs) struct SocketLoopShortageIntegrationTests {
    /// A port of loopback that refuses connections.
    private static func closedPort() throws -> Int {
        let server = try FaultServer(scripts: [[]])
        defer { server.stop() }
        return Int(server.port)
    }

    /// Does what the first use of a process needs descriptors for that is not the loop's.
    static func warmUp() async throws {
        try await Task.sleep(for: .milliseconds(1))
    }

    /// Work reaches the loop while it waits: without a wake-up descriptor it waits for its next timer, 30 s away.
    private static func checkWakeable(_ loop: SocketLoop) async throws {
        for _ in 0..<3 {
            let start = ContinuousClock.now
            try await loop.run { _ in }
            #expect(start.duration(to: .now) < .seconds(10))
            // Long enough for the loop to wait again.
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    @Test(
        "With too few descriptors for the first loop, connecting fails with EMFILE for now; then the same loop works",
        arguments: 0...24, [false, true])
    func descriptors(left: Int, usesPoll: Bool) async {
        await #expect(processExitsWith: .success) { [left, usesPoll] in
            try await Self.warmUp()
            let port = try Self.closedPort()
            let loop = SocketLoop(backend: usesPoll ? .poll : .automatic)
            let before = ProcessLimits.set(ProcessLimits.openFiles, to: 256)
            let fillers = ProcessLimits.exhaustDescriptors(leaving: left)
            let start = ContinuousClock.now
            do {
                _ = try await WebSocket.connect(to: "ws://127.0.0.1:\(port)/", on: loop)
                Issue.record("nobody listens there")
            } catch let error as WebSocketError {
                switch error.code {
                case .resourceUnavailable:
                    #expect(error.errno == EMFILE)
                    #expect(error.message.contains(String(cString: strerror(EMFILE))))
                    #expect(error.message.contains("ulimit -n"))
                // libwebsockets' poll(2) loop forgets it.
                case .connectFailed: #expect(error.errno == ECONNREFUSED || usesPoll)
                default: Issue.record("\(error.code): \(error)")
                }
                // Enough is enough.
                if left >= 22 { #expect(error.code == .connectFailed) }
                if left < 8 { #expect(error.code == .resourceUnavailable) }
            }
            #expect(start.duration(to: .now) < .seconds(10))
            if (try? loop.submit { _ in }) != nil { try await Self.checkWakeable(loop) }

            for filler in fillers { close(filler) }
            ProcessLimits.set(ProcessLimits.openFiles, to: before)
            try await Self.checkWakeable(loop)
            let error = await #expect(throws: WebSocketError.self) {
                try await WebSocket.connect(to: "ws://127.0.0.1:\(port)/", on: loop)
            }
            #expect(error?.code == .connectFailed)
            await loop.shutDown()
        }
    }

    @Test("A loop that lacked descriptors has made nothing that stays open", arguments: [0, 3, 8, 12])
    func nothingHalfMade(left: Int) async {
        await #expect(processExitsWith: .success) { [left] in
            try await Self.warmUp()
            let before = OpenSockets.descriptors()
            ProcessLimits.set(ProcessLimits.openFiles, to: 256)
            let fillers = ProcessLimits.exhaustDescriptors(leaving: left)
            for _ in 0..<20 {
                let error = #expect(throws: WebSocketError.self) { try SocketLoop().submit { _ in } }
                #expect(error?.code == .resourceUnavailable)
            }
            for filler in fillers { close(filler) }
            // The loop's thread ends what it has begun as it ends itself, which nobody waits for.
            try await eventually { Set(OpenSockets.descriptors()).isSubset(of: before) }
        }
    }

    @Test("A host of very many addresses, which all fail at once, is an error like any other")
    func manyAddresses() async {
        await #expect(processExitsWith: .success) {
            let addresses = (0..<60_000).map { SocketAddress(host: "127.1.\($0 / 250).\($0 % 250 + 1)", port: 0) }
            let resolver = Resolver(lookUp: { _ in .success(addresses) })
            let loop = SocketLoop()
            try await loop.run { _ in }
            let plan = try ConnectAttempt.Plan(
                endpoint: Endpoint("ws://peer.invalid/"), configuration: WebSocketConfiguration())
            let before = ProcessLimits.set(ProcessLimits.openFiles, to: 256)
            let fillers = ProcessLimits.exhaustDescriptors(leaving: 0)
            let error = await #expect(throws: WebSocketError.self) {
                try await ConnectAttempt.run(plan, within: .seconds(60), on: loop, resolver: resolver)
            }
            #expect(error?.code == .resourceUnavailable)
            for filler in fillers { close(filler) }
            ProcessLimits.set(ProcessLimits.openFiles, to: before)
            await loop.shutDown()
        }
    }

    @Test(
        "Descriptors that end while a loop runs fail its next connection with EMFILE, and not the one after",
        arguments: [false, true])
    func descriptorsOfAConnection(usesPoll: Bool) async {
        await #expect(processExitsWith: .success) { [usesPoll] in
            try await withServer(handler: ServerPair.echo) { pair in
                let loop = SocketLoop(backend: usesPoll ? .poll : .automatic)
                let first = try await WebSocket.connect(to: pair.server.url, on: loop)
                let before = ProcessLimits.set(ProcessLimits.openFiles, to: 256)
                let fillers = ProcessLimits.exhaustDescriptors(leaving: 0)
                let error = await #expect(throws: WebSocketError.self) {
                    try await WebSocket.connect(to: pair.server.url, on: loop)
                }
                #expect(error?.code == .resourceUnavailable)
                #expect(error?.stage == .connect)
                #expect(error?.errno == EMFILE)
                #expect(error?.message.contains("127.0.0.1") == true)
                let unasked = await #expect(throws: WebSocketError.self) {
                    try await WebSocket.connect(to: "ws://peer.invalid/", on: loop)
                }
                #expect(unasked?.code == .resourceUnavailable)
                #expect(unasked?.stage == .nameResolution)
                #expect(unasked?.errno == EMFILE)
                #expect(unasked?.message.contains("peer.invalid") == true)
                for filler in fillers { close(filler) }
                ProcessLimits.set(ProcessLimits.openFiles, to: before)
                let second = try await WebSocket.connect(to: pair.server.url, on: loop)
                for socket in [first, second] {
                    try await socket.send("hello")
                    #expect(try await socket.receive(1) == [.text("hello")])
                    await socket.close()
                }
                await loop.shutDown()
            }
        }
    }

    @Test(
        "What had arrived before a hang-up is read although there is no descriptor to keep it with",
        arguments: [false, true])
    func hangUp(usesPoll: Bool) async {
        await #expect(processExitsWith: .success) { [usesPoll] in
            try await Self.warmUp()
            let words = [FaultServer.Frame.text("last words"), .close(1001)].flatMap(\.bytes)
            let server = try FaultServer(scripts: [[.upgrade(), .pause(.milliseconds(200)), .write(words), .reset]])
            let loop = SocketLoop(backend: usesPoll ? .poll : .automatic)
            let socket = try await WebSocket.connect(to: server.url(), on: loop)
            ProcessLimits.set(ProcessLimits.openFiles, to: 256)
            let fillers = ProcessLimits.exhaustDescriptors(leaving: 0)
            let release = await loop.occupy()
            _ = try await server.transcript()
            // The server's end has freed its own.
            let last = ProcessLimits.exhaustDescriptors(leaving: 0)
            release()
            var received: [String?] = []
            do { for try await message in socket.messages { received.append(message.text) } } catch {}
            #expect(received == ["last words"])
            #expect(socket.closure?.received?.code == .goingAway)
            for filler in fillers + last { close(filler) }
            server.stop()
            await loop.shutDown()
        }
    }

    @Test("Without another thread, connecting fails with EAGAIN for now; then the same loop works")
    func threads() async {
        await #expect(processExitsWith: .success) {
            try await Self.warmUp()
            // The limit does not count for root (setrlimit(2)).
            if getuid() == 0 { #expect(setgid(65_534) == 0 && setuid(65_534) == 0) }
            let loop = SocketLoop()
            let before = ProcessLimits.set(ProcessLimits.threads, to: 1)
            let error = #expect(throws: WebSocketError.self) { try loop.submit { _ in } }
            ProcessLimits.set(ProcessLimits.threads, to: before)
            #expect(error?.code == .resourceUnavailable)
            #expect(error?.errno == EAGAIN)
            #expect(error?.message.contains("thread") == true)
            try await Self.checkWakeable(loop)
            await loop.shutDown()
        }
    }

    @Test("Without a descriptor a lookup says so, not that the name is wrong")
    func lookup() async {
        await #expect(processExitsWith: .success) {
            try await Self.warmUp()
            ProcessLimits.set(ProcessLimits.openFiles, to: 256)
            let fillers = ProcessLimits.exhaustDescriptors(leaving: 0)
            // Nothing can be opened any more: neither the files that say how to look up nor a socket.
            let result = await withCheckedContinuation { continuation in
                _ = Resolver.shared.addresses(of: "example.invalid", port: 1) { continuation.resume(returning: $0) }
            }
            for filler in fillers { close(filler) }
            let error = #expect(throws: WebSocketError.self) { try result.get() }
            #expect(error?.errno == EMFILE, "\(String(describing: error))")
        }
    }

    @Test("Without /dev/urandom, connecting says so; then the same loop works", .enabled(if: getuid() == 0))
    func randomDevice() async {
        await #expect(processExitsWith: .success) {
            let root = open("/", O_RDONLY)
            let directory = try TemporaryDirectory()
            #expect(chroot(directory.path) == 0)
            let loop = SocketLoop()
            let error = #expect(throws: WebSocketError.self) { try loop.submit { _ in } }
            #expect(fchdir(root) == 0 && chroot(".") == 0)
            withExtendedLifetime(directory) {}
            #expect(error?.code == .resourceUnavailable)
            #expect(error?.errno == ENOENT)
            #expect(error?.message.contains("/dev/urandom") == true)
            try await Self.checkWakeable(loop)
            await loop.shutDown()
        }
    }
}
