import Foundation
import LibWebSockets
import TestSupport
import Testing
import WebSocketKitCompat
import WebSocketTesting

private typealias Socket = WebSocketKitCompat.WebSocket

@Suite("Ends of websocket-kit's shape", .timeLimit(.minutes(2))) struct WebSocketKitEndIntegrationTests {
    @Test("An onUpgrade without handlers that waits for the end gets it")
    func anUpgradeWithoutHandlersThatWaitsForTheEndGetsIt() async throws {
        let handler: WebSocketServer.Handler = { socket, _ in try await socket.send("ignored") }
        try await withServer(handler: handler) { server in
            let record = Collector<Bool>()
            try await Socket.connect(to: server.url, configuration: server.kitConfiguration()) { socket in
                try? await socket.onClose.get()
                record.add(socket.isClosed)
            }
            try await record.wait(for: 1)
            #expect(record.all == [true])
        }
    }

    @Test("A handler may wait for the end that comes meanwhile, and the next message is still handled")
    func aHandlerMayWaitForTheEndThatComesMeanwhile() async throws {
        let handler: WebSocketServer.Handler = { socket, _ in
            try await socket.send("one")
            try await socket.send("two")
        }
        try await withServer(handler: handler) { server in
            let record = Collector<String>()
            try await Socket.connect(to: server.url, configuration: server.kitConfiguration()) { socket in
                socket.onText { socket, text in
                    if text == "one" { try? await socket.onClose.get() }
                    record.add(text)
                }
            }.get()
            try await record.wait(for: 2)
            #expect(record.all == ["one", "two"])
        }
    }

    @Test("The server's close code arrives", arguments: [1000, 1011, 4000, 4999] as [UInt16])
    func codeOfTheServerArrives(code: UInt16) async throws {
        try await withServer(handler: closing(code, "why")) { server in
            let record = Collector<UInt16?>()
            try await Socket.connect(to: server.url, configuration: server.kitConfiguration()) { socket in
                socket.onClose.whenComplete { _ in record.add(socket.closeCode.map { UInt16(webSocketErrorCode: $0) }) }
            }.get()
            try await record.wait(for: 1)
            #expect(record.all == [code])
        }
    }

    @Test("A loss has no code, and fails what is sent afterwards")
    func aLossHasNoCodeAndFailsWhatIsSent() async throws {
        try await withServer { server in
            let sockets = Collector<Socket>()
            try await Socket.connect(to: server.url, configuration: server.kitConfiguration()) { sockets.add($0) }.get()
            try await sockets.wait(for: 1)
            await server.kill()
            try await sockets.all[0].onClose.get()
            #expect(sockets.all[0].closeCode == nil && sockets.all[0].isClosed)
            await #expect(throws: WebSocketError.self) { try await sockets.all[0].send("late") }
            await #expect(throws: WebSocketError.self) { try await sockets.all[0].sendPing() }
            try await sockets.all[0].close()
        }
    }

    @Test("A ping interval can be set again, and aborts where the peer does not answer")
    func pingIntervalDropsADeadPeerAndCanBeSetAgain() async throws {
        let server = try FaultServer(scripts: [[.upgrade(), .stall]])
        defer { server.stop() }
        let sockets = Collector<Socket>()
        try await Socket.connect(to: server.url()) { sockets.add($0) }.get()
        try await sockets.wait(for: 1)
        let socket = sockets.all[0]
        socket.pingInterval = .seconds(60)
        socket.pingInterval = nil
        #expect(socket.pingInterval == nil)
        socket.pingInterval = .milliseconds(50)
        try await socket.onClose.get()
        #expect(socket.closeCode == .unknown(1006))
    }

    @Test("With one line, onUpgrade is called for each connection, until the socket is closed")
    func withOneLineOnUpgradeIsCalledForEachConnection() async throws {
        try await withServer { server in
            let record = Collector<String>()
            let sockets = Collector<Socket>()
            try await Socket.connect(to: server.url, configuration: server.kitConfiguration(reconnects: true)) {
                socket in
                sockets.add(socket)
                socket.onText { _, text in record.add(text) }
                socket.send("hello")
            }.get()
            try await record.wait(for: 1)
            await server.kill()
            try await server.restart()
            try await record.wait(for: 2)
            #expect(sockets.count == 2 && sockets.all[0].isClosed && !sockets.all[1].isClosed)
            try await sockets.all[1].close()
            try await sockets.all[1].onClose.get()
            await server.kill()
            try await server.restart()
            try await Task.sleep(for: .milliseconds(200))
            #expect(sockets.count == 2)
        }
    }

    @Test("Closing a connection that has ended keeps the next one from being made")
    func closingAConnectionThatHasEndedStopsTheNext() async throws {
        try await withServer { server in
            let sockets = Collector<Socket>()
            try await Socket.connect(to: server.url, configuration: server.kitConfiguration(reconnects: true)) {
                socket in
                sockets.add(socket)
            }.get()
            await server.kill()
            let socket = sockets.all[0]
            try await socket.onClose.get()
            try await socket.close()
            try await server.restart()
            try await Task.sleep(for: .milliseconds(300))
            #expect(sockets.count == 1, "it was told to stop while there was no connection")
        }
    }

    @Test("Messages that nobody handles do not hold up the end")
    func messagesThatNobodyHandlesDoNotHoldUpTheEnd() async throws {
        let handler: WebSocketServer.Handler = { socket, _ in
            for _ in 0..<8 { try await socket.send([UInt8](repeating: 1, count: 600_000)) }
            await socket.close(code: .init(rawValue: 4001))
        }
        try await withServer(handler: handler) { server in
            let closed = Collector<Bool>()
            try await Socket.connect(to: server.url, configuration: server.kitConfiguration()) { socket in
                try? await socket.onClose.get()
                closed.add(true)
            }
            try await closed.wait(for: 1)
        }
    }

    @Test("The loops of a group carry its connections, and end them with the group")
    func loopsOfAGroupCarryConnectionsAndEndThem() async throws {
        try await withServer { server in
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
            let sockets = Collector<Socket>()
            for _ in 0..<4 {
                try await Socket.connect(to: server.url, configuration: server.kitConfiguration(), on: group) {
                    sockets.add($0)
                }.get()
            }
            try await sockets.wait(for: 4)
            try await group.shutdownGracefully()
            for socket in sockets.all { try await socket.onClose.get() }
        }
    }

    @Test("A socket that has ended is released with its handlers")
    func aSocketThatHasEndedIsReleasedWithItsHandlers() async throws {
        final class Token: Sendable {}
        try await withServer { server in
            weak var token: Token?
            weak var released: Socket?
            do {
                let (held, sockets) = (Token(), Collector<Socket>())
                token = held
                try await Socket.connect(to: server.url, configuration: server.kitConfiguration()) { socket in
                    socket.onText { _, _ in withExtendedLifetime((held, socket)) {} }
                    sockets.add(socket)
                }.get()
                try await sockets.wait(for: 1)
                released = sockets.all[0]
                try await sockets.all[0].close()
            }
            try await eventually { token == nil && released == nil }
        }
    }
}
