import Dispatch
import TestSupport
import Testing
import WebSocketTesting

@testable import LibWebSockets

/// The end of a loop: of its thread, of the work it was given, of the calls that wait for its connections.
@Suite(.hangs) struct SocketLoopShutdownTests {
    @Test("A loop that nobody refers to ends its thread and frees what it held", arguments: SocketLoop.testBackends)
    func deinitEndsTheThread(backend: SocketLoop.Backend) async throws {
        weak var core: LoopCore?
        weak var weakLoop: SocketLoop?
        do {
            let loop = SocketLoop(backend: backend)
            weakLoop = loop
            core = try await loop.run { CoreReference(core: $0) }.core
            #expect(core != nil)
        }
        #expect(weakLoop == nil)
        try await eventually("the thread goes on") { core == nil }
    }

    @Test("A connection keeps its loop; when both are dropped, both go", arguments: SocketLoop.testBackends)
    func connectionKeepsTheLoop(backend: SocketLoop.Backend) async throws {
        weak var weakLoop: SocketLoop?
        try await withServer(handler: ServerPair.echo) { pair in
            let socket: WebSocket
            do {
                let loop = SocketLoop(backend: backend)
                weakLoop = loop
                socket = try await WebSocket.connect(to: pair.server.url, on: loop)
            }
            #expect(weakLoop != nil)
            try await socket.send("alive")
            #expect(try await socket.receive(1) == [.text("alive")])
        }
        try await eventually("the loop outlives its connection") { weakLoop == nil }
    }

    @Test("Work after shutDown() is refused", arguments: SocketLoop.testBackends)
    func submitAfterShutdown(backend: SocketLoop.Backend) async throws {
        for hasRun in [false, true] {
            let loop = SocketLoop(backend: backend)
            if hasRun { try await loop.run { _ in } }
            await loop.shutDown()
            let error = #expect(throws: WebSocketError.self) { try loop.submit { _ in } }
            #expect(error?.code == .loopShutDown)
            #expect(error?.message == "the socket loop was shut down; make connections on another one")
            await #expect(throws: WebSocketError.self) {
                try await WebSocket.connect(to: "ws://127.0.0.1:9/", on: loop)
            }
            await #expect(throws: WebSocketError.self) {
                try await WebSocketServer.start(on: loop) { _, _ in }
            }
        }
    }

    @Test(
        "shutDown() may be called again, and by several tasks at once; each returns when the thread has gone",
        arguments: SocketLoop.testBackends)
    func repeatedShutdown(backend: SocketLoop.Backend) async throws {
        let loop = SocketLoop(backend: backend)
        let reference = try await loop.run { CoreReference(core: $0) }
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 { group.addTask { await loop.shutDown() } }
        }
        await loop.shutDown()
        try await eventually("the core outlives its thread") { reference.core == nil }
    }

    @Test(
        "shutDown() of a loop or group that never ran returns, as often as it is called",
        arguments: SocketLoop.testBackends)
    func repeatedShutdownOfUnusedLoop(backend: SocketLoop.Backend) async {
        let loop = SocketLoop(backend: backend)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 { group.addTask { await loop.shutDown() } }
        }
        await loop.shutDown()
        let group = SocketLoopGroup(count: 2)
        await group.shutDown()
        await group.shutDown()
    }

    @Test("Work that was submitted before shutDown() still runs", arguments: SocketLoop.testBackends)
    func pendingWork(backend: SocketLoop.Backend) async throws {
        let loop = SocketLoop(backend: backend)
        let count = Counter()
        for _ in 0..<100 { try loop.submit { _ in count.increment() } }
        await loop.shutDown()
        #expect(count.value == 100)
    }

    @Test("shutDown() ends every waiting call once, with a clear error", arguments: Security.allCases)
    func shutdownCompletesWaiters(security: Security) async throws {
        // The texts show that ping and close frame had come: then the calls below were really waiting.
        let script: [FaultServer.Step] = [.upgrade(), .readFrames(1), .write(.text("pinged")), .stall]
        let silent = try FaultServer(scripts: [[.readRequest, .stall]])
        try await withFaultServer(
            listening: script, security: security,
            configuration: WebSocketConfiguration(sendBufferSize: 1 << 10, closeTimeout: .seconds(86_400))
        ) { server, _ in
            let loop = SocketLoop.forTest()
            var configuration = WebSocketConfiguration(sendBufferSize: 1 << 10, closeTimeout: .seconds(86_400))
            configuration.tls = try security.client
            let socket = try await WebSocket.connect(to: server.url(), configuration: configuration, on: loop)
            let outcomes = Collector<(String, any Error)>()
            let sent = Counter()
            let returned = Counter()
            await withTaskGroup(of: Void.self) { group in
                func call(_ name: String, _ body: @escaping @Sendable () async throws -> Void) {
                    group.addTask {
                        do {
                            try await body()
                            returned.increment()
                        } catch {
                            outcomes.add((name, error))
                        }
                    }
                }
                call("ping") { _ = try await socket.ping() }
                _ = try? await socket.receive(1)
                call("reader") { _ = try await socket.nextMessages() }
                call("sender") {
                    while true {
                        try await socket.send([UInt8](repeating: 0, count: 64 << 10))
                        sent.increment()
                    }
                }
                call("closed") { _ = try await socket.closed() }
                call("connect") {
                    _ = try await WebSocket.connect(
                        to: silent.url(), configuration: WebSocketConfiguration(connectTimeout: .seconds(86_400)),
                        on: loop)
                }
                try? await silent.waitForConnection()
                _ = try? await standstill { sent.value }
                await loop.shutDown()
            }
            // `closed()` does not fail: it tells how the connection ended.
            #expect(returned.value == 1)
            #expect(Set(outcomes.all.map(\.0)) == ["ping", "reader", "sender", "connect"])
            for (name, error) in outcomes.all {
                #expect((error as? WebSocketError)?.code == .loopShutDown, "\(name): \(error)")
                #expect(
                    (error as? WebSocketError)?.message.contains("socket loop was shut down") == true,
                    "\(name): \(error)")
            }
            #expect(socket.closure == WebSocketClosure(initiator: .connectionLoss, sent: nil, received: nil))
            #expect(socket.closeError?.code == .loopShutDown)
            #expect(OpenSockets.connected(to: Int(server.port)) == 0)
            #expect(OpenSockets.connected(to: Int(silent.port)) == 0)
            let late = await #expect(throws: WebSocketError.self) { try await socket.send("late") }
            #expect(late?.code == .connectionClosed)
            let again = try? await socket.nextMessages()
            #expect(again == .some(nil))
            socket.abort()
            #expect(await socket.close() == socket.closure)
        }
        silent.stop()
    }

    @Test("shutDown() ends a close handshake that is under way")
    func shutdownWhileClosing() async throws {
        let server = try FaultServer(scripts: [[.upgrade(), .readClose, .write(.text("closing")), .stall]])
        let loop = SocketLoop.forTest()
        let socket = try await WebSocket.connect(
            to: server.url(), configuration: WebSocketConfiguration(closeTimeout: .seconds(86_400)), on: loop)
        let closing = Task { await socket.close(code: .goingAway) }
        #expect(try await socket.receive(1) == [.text("closing")])
        await loop.shutDown()
        let closure = await closing.value
        #expect(closure.sent?.code == .goingAway)
        #expect(closure.received == nil)
        server.stop()
    }

    @Test("shutDown() ends a server's connections and frees its port; stopping the server afterwards returns")
    func shutdownWithServer() async throws {
        let serverLoop = SocketLoop.forTest()
        let clientLoop = SocketLoop.forTest()
        let server = try await WebSocketServer.start(on: serverLoop, handler: ServerPair.echo)
        let client = try await WebSocket.connect(to: server.url, on: clientLoop)
        await serverLoop.shutDown()
        let error = await #expect(throws: WebSocketError.self) { try await client.receiveAll() }
        #expect(error?.code == .connectionLost)
        await server.stop()
        await server.kill()
        let next = try await WebSocketServer.start(
            configuration: .init(port: server.port), on: clientLoop, handler: ServerPair.echo)
        #expect(next.port == server.port)
        await next.stop()
        await clientLoop.shutDown()
    }

    @Test("A loop that ends lets go of the sockets that libwebsockets has refused in its last turn")
    func refusedSockets() async throws {
        let loop = SocketLoop.forTest()
        let reference = try await loop.run { core in
            core.shutDown()
            core.releaseRefused(LoopSocket(core: core))
            return CoreReference(core: core)
        }
        await loop.shutDown()
        try await eventually { reference.core == nil }
    }
}

/// Takes a core out of its loop, to look at its life only.
private struct CoreReference: @unchecked Sendable {
    weak var core: LoopCore?

    @Test("Whoever reads after the loop's last work, and before its connection is told, learns that the loop is gone")
    func readerBeforeTheConnectionIsTold() async throws {
        let words = (0..<20).flatMap { _ in FaultServer.Frame.binary([UInt8](repeating: 1, count: 1000)).bytes }
        let server = try FaultServer(scripts: [[.upgrade(), .write(words), .stall]])
        let loop = SocketLoop.forTest()
        let socket = try await WebSocket.connect(
            to: server.url(), configuration: .init(receiveBufferSize: 1000), on: loop)
        try await eventually { socket.statistics.bytesWaitingToBeRead > 1000 }
        let ends = Collector<String>()
        // Goes on until the mailbox takes nothing any more: its last work runs after that.
        @Sendable func readAtTheEnd() {
            guard (try? loop.submit { _ in readAtTheEnd() }) == nil else { return }
            let end = DispatchSemaphore(value: 0)
            Task.detached {
                do {
                    ends.add("\(try await socket.receiveAll().count) messages, in order")
                } catch {
                    ends.add("\((error as? WebSocketError)?.code.description ?? "\(error)")")
                }
                end.signal()
            }
            end.wait()
        }
        try await loop.run { core in
            core.shutDown()
            readAtTheEnd()
        }
        await loop.shutDown()
        #expect(ends.all == ["loopShutDown"])
        server.stop()
    }
}
