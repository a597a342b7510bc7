import Synchronization
import TestSupport
import Testing
import WebSocketTesting

@testable import LibWebSockets

/// The ways in which a server ends.
@Suite(.hangs) struct WebSocketServerStopTests {
    @Test(
        "stop() closes every connection with 1001 and waits for the handlers; then nobody listens",
        arguments: Security.allCases)
    func stop(security: Security) async throws {
        let running = Counter()
        let ended = Counter()
        try await withServer(
            security,
            handler: { socket, _ in
                running.increment()
                defer { ended.increment() }
                for try await message in socket.messages { try await socket.send(message) }
            }
        ) { pair in
            var clients: [WebSocket] = []
            for _ in 0..<10 { clients.append(try await pair.connect()) }
            try await eventually { running.value == 10 }
            async let ends = withThrowingTaskGroup(of: WebSocketClosure?.self) { [clients] group in
                for client in clients {
                    group.addTask {
                        _ = try await client.receiveAll()
                        return client.closure
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            await pair.server.stop()
            #expect(ended.value == 10)
            #expect(pair.server.connectionCount == 0)
            for closure in try await ends {
                #expect(closure?.received == CloseFrame(code: .goingAway, reason: "the server stops"))
                #expect(closure?.isClean == true)
            }
            let error = await #expect(throws: WebSocketError.self) { try await pair.connect() }
            #expect(error?.code == .connectFailed)
            await pair.server.stop()
            await pair.server.kill()
        }
    }

    @Test("While stop() waits for handlers, nobody new is let in")
    func stopStopsListeningFirst() async throws {
        let (release, released) = (AsyncStream<Void>.makeStream(), Counter())
        try await withServer(handler: { socket, _ in
            // A handler that takes its time, cancelled or not.
            await Task { for await _ in release.stream {} }.value
            released.increment()
        }) { pair in
            let client = try await pair.connect()
            try await eventually { pair.server.connectionCount == 1 }
            async let stopping: Void = pair.server.stop()
            #expect(try await client.receiveAll() == [])
            let error = await #expect(throws: WebSocketError.self) { try await pair.connect() }
            #expect(error?.code == .connectFailed)
            #expect(released.value == 0)
            release.continuation.finish()
            await stopping
            #expect(released.value == 1)
        }
    }

    @Test("stop() cancels handlers that wait for something else")
    func stopCancelsHandlers() async throws {
        try await withServer(handler: { _, _ in try await Task.sleep(for: .seconds(86_400)) }) { pair in
            let client = try await pair.connect()
            try await eventually { pair.server.connectionCount == 1 }
            await pair.server.stop()
            #expect(try await client.receiveAll() == [])
            #expect(client.closure?.code == .goingAway)
        }
    }

    @Test(
        "A handler that ends its server, or a task of it, waits for the other handlers and not for itself",
        arguments: [true, false], ["/stop", "/child"])
    func aHandlerThatStops(gracefully: Bool, path: String) async throws {
        let ending = EndingServer()
        let (ended, stopped) = (Counter(), Counter())
        try await withServer(handler: { socket, request in
            defer { ended.increment() }
            switch request.target {
            case "/stop":
                await ending.end(gracefully: gracefully)
                stopped.increment()
            case "/child":
                async let child: Void = ending.end(gracefully: gracefully)
                await child
                stopped.increment()
            default: _ = try await socket.receiveAll()
            }
            // It was not cancelled by what it has asked for.
            #expect(request.target == "/" || !Task.isCancelled)
        }) { pair in
            ending.server.withLock { $0 = pair.server }
            let others = [try await pair.connect(), try await pair.connect()]
            try await eventually { pair.server.connectionCount == 2 }
            let client = try await pair.connect(path: path)
            for client in others { _ = try? await client.receiveAll() }
            _ = try? await client.receiveAll()
            try await eventually { ended.value == 3 }
            #expect(stopped.value == 1)
            #expect(client.closure?.code == (gracefully ? .goingAway : .abnormalClosure))
        }
    }

    @Test("stop() gives a client that does not answer closeTimeout, and no more")
    func stopWithSilentClient() async throws {
        let configuration = WebSocketServer.Configuration(closeTimeout: .milliseconds(100))
        try await withServer(configuration: configuration, handler: ServerPair.echo) { pair in
            let client = try RawClient(port: pair.server.port)
            try await client.upgrade()
            try await eventually { pair.server.connectionCount == 1 }
            await pair.server.stop()
            #expect(pair.server.connectionCount == 0)
            // The close frame came, then the end.
            let rest = try await client.readToEnd()
            #expect(rest.first == 0x88)
        }
    }

    @Test("stop() ends handshakes that have not come to a request yet")
    func stopDropsHandshakes() async throws {
        try await withServer(configuration: .init(handshakeTimeout: .seconds(86_400)), handler: ServerPair.echo) {
            pair in
            let idle = try RawClient(port: pair.server.port)
            let half = try RawClient(port: pair.server.port)
            try await half.write("GET / HTTP/1.1\r\nHost: x\r\n")
            // Both are known to the server when a later connection has been served.
            let later = try await pair.connect()
            try await later.send("x")
            _ = try await later.receive(1)
            await pair.server.stop()
            #expect(try await idle.readToEnd() == [])
            #expect(try await half.readToEnd() == [])
        }
    }

    @Test("kill() is a lost connection for the clients, as when the process dies", arguments: Security.allCases)
    func kill(security: Security) async throws {
        try await withServer(security, handler: ServerPair.echo) { pair in
            let client = try await pair.connect()
            try await client.send("before")
            #expect(try await client.receive(1) == [.text("before")])
            await pair.server.kill()
            let error = await #expect(throws: WebSocketError.self) { try await client.receiveAll() }
            #expect(error?.code == .connectionLost)
            #expect(client.closure?.code == .abnormalClosure)
            let refused = await #expect(throws: WebSocketError.self) { try await pair.connect() }
            #expect(refused?.code == .connectFailed)
        }
    }

    @Test(
        "A server that comes back takes its port over at once, also with clients still connected",
        arguments: [true, false])
    func restart(gracefully: Bool) async throws {
        let loop = SocketLoop.forTest()
        var server = try await WebSocketServer.start(on: loop, handler: ServerPair.echo)
        let port = server.port
        for round in 0..<10 {
            let client = try await WebSocket.connect(to: server.url, on: loop)
            try await client.send("round \(round)")
            #expect(try await client.receive(1) == [.text("round \(round)")])
            if gracefully { await server.stop() } else { await server.kill() }
            server = try await WebSocketServer.start(
                configuration: .init(port: port), on: loop, handler: ServerPair.echo)
            #expect(server.port == port)
        }
        await server.stop()
        await loop.shutDown()
    }

    @Test("A server that nobody refers to stops listening; connections it has go on until they end")
    func droppedServer() async throws {
        let loop = SocketLoop.forTest()
        let client: WebSocket
        let port: Int
        do {
            let server = try await WebSocketServer.start(on: loop, handler: ServerPair.echo)
            port = server.port
            client = try await WebSocket.connect(to: server.url, on: loop)
            try await client.send("x")
            _ = try await client.receive(1)
        }
        try await eventually("the dropped server still listens") {
            do {
                _ = try await WebSocket.connect(to: "ws://127.0.0.1:\(port)/", on: loop)
                return false
            } catch {
                return (error as? WebSocketError)?.code == .connectFailed
            }
        }
        try await client.send("still here")
        #expect(try await client.receive(1) == [.text("still here")])
        await loop.shutDown()
    }
}

/// The server that one of its handlers ends.
private final class EndingServer: Sendable {
    let server = Lock<WebSocketServer?>(nil)

    func end(gracefully: Bool) async {
        let server = server.withLock { $0 }
        if gracefully { await server?.stop() } else { await server?.kill() }
    }
}
