import Foundation
import LibWebSockets
import Testing
import WebSocketKitCompat
import WebSocketTesting

private typealias Socket = WebSocketKitCompat.WebSocket

private func configuration(_ server: TestServer, reconnects: Bool = false) -> WebSocketClient.Configuration {
    var configuration = WebSocketClient.Configuration()
    configuration.options = reconnects ? server.reconnectingOptions : server.options
    return configuration
}

@Suite("websocket-kit's shape", .timeLimit(.minutes(2))) struct WebSocketKitIntegrationTests {
    @Test("Messages are echoed in order, and close() ends with its code") func messagesAreEchoedInOrder() async throws {
        try await withServer { server in
            let record = Record<String>()
            let closed = Record<WebSocketErrorCode?>()
            try await Socket.connect(to: server.url, configuration: configuration(server)) { socket in
                socket.onText { socket, text in
                    record.add(text)
                    if text == "last" { try? await socket.close(code: .normalClosure) }
                }
                socket.onBinary { _, buffer in record.add("\(buffer.readableBytes)") }
                socket.onClose.whenComplete { _ in closed.add(socket.closeCode) }
                try? await socket.send("first")
                socket.send([1, 2, 3], promise: nil)
                socket.send(ByteBuffer(string: "raw"), opcode: .text)
                socket.send("last", promise: nil)
            }
            try await closed.wait(for: 1)
            #expect(record.all == ["first", "3", "raw", "last"])
            #expect(closed.all == [.normalClosure])
        }
    }

    @Test("The first messages are not lost, with handlers of either kind", arguments: [true, false])
    func theFirstMessageIsNotLost(isAsynchronous: Bool) async throws {
        let handler = greeting(.text("welcome"), .binary([1]))
        try await withServer(handler: handler) { server in
            for _ in 0..<50 {
                let record = Record<String>()
                let sockets = Record<Socket>()
                if isAsynchronous {
                    try await Socket.connect(to: server.url, configuration: configuration(server)) { socket in
                        sockets.add(socket)
                        await Task.yield()
                        socket.onText { _, text async in record.add(text) }
                        socket.onBinary { _, _ async in record.add("binary") }
                        // As long as the connection lasts.
                        try? await socket.onClose.get()
                    }
                } else {
                    try await Socket.connect(to: server.url, configuration: configuration(server)) { socket -> Void in
                        sockets.add(socket)
                        socket.onText { _, text in record.add(text) }
                        socket.onBinary { _, _ in record.add("binary") }
                    }.get()
                }
                try await record.wait(for: 2)
                #expect(record.all == ["welcome", "binary"])
                try await sockets.all[0].close()
                try await sockets.all[0].onClose.get()
            }
        }
    }

    @Test("A message without a handler holds up nothing") func aMessageWithoutHandlerHoldsNothingUp() async throws {
        try await withServer(handler: greeting(.text("ignored"), .binary([1]))) { server in
            let record = Record<Int>()
            try await Socket.connect(to: server.url, configuration: configuration(server)) { socket in
                socket.onBinary { socket, buffer in
                    record.add(buffer.readableBytes)
                    _ = socket.close()
                }
                try? await socket.onClose.get()
            }
            try await record.wait(for: 1)
        }
    }

    @Test("An onUpgrade without handlers that waits for the end gets it")
    func anUpgradeWithoutHandlersThatWaitsForTheEndGetsIt() async throws {
        let handler: WebSocketServer.Handler = { socket, _ in try await socket.send("ignored") }
        try await withServer(handler: handler) { server in
            let record = Record<Bool>()
            try await Socket.connect(to: server.url, configuration: configuration(server)) { socket in
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
            let record = Record<String>()
            try await Socket.connect(to: server.url, configuration: configuration(server)) { socket in
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
            let record = Record<UInt16?>()
            try await Socket.connect(to: server.url, configuration: configuration(server)) { socket in
                socket.onClose.whenComplete { _ in record.add(socket.closeCode.map { UInt16(webSocketErrorCode: $0) }) }
            }.get()
            try await record.wait(for: 1)
            #expect(record.all == [code])
        }
    }

    @Test("A loss has no code, and fails what is sent afterwards")
    func aLossHasNoCodeAndFailsWhatIsSent() async throws {
        try await withServer { server in
            let sockets = Record<Socket>()
            try await Socket.connect(to: server.url, configuration: configuration(server)) { sockets.add($0) }.get()
            try await sockets.wait(for: 1)
            await server.kill()
            try await sockets.all[0].onClose.get()
            #expect(sockets.all[0].closeCode == nil && sockets.all[0].isClosed)
            await #expect(throws: WebSocketError.self) { try await sockets.all[0].send("late") }
            await #expect(throws: WebSocketError.self) { try await sockets.all[0].sendPing() }
            try await sockets.all[0].close()
        }
    }

    @Test("A refusal is an error with its status and headers") func aRefusalHasItsStatus() async throws {
        var refusing = WebSocketServer.Configuration()
        refusing.decide = { _ in .refuse(.forbidden, headers: [.server: "test"]) }
        try await withServer(configuration: refusing) { server in
            let error = await #expect(throws: WebSocketClient.Error.self) {
                try await Socket.connect(to: server.url, configuration: configuration(server)) { _ in }.get()
            }
            guard case .invalidResponseStatus(let head)? = error else { return #expect(Bool(false), "\(error as Any)") }
            #expect(head.status.code == 403 && head.headers.first(name: "Server") == "test")
        }
    }

    @Test("A URL or a certificate that cannot be used fails connect()")
    func wrongURLsAndCertificatesFailTheConnect() async throws {
        let invalid = await #expect(throws: WebSocketClient.Error.self) {
            try await Socket.connect(to: "%w:") { _ in }.get()
        }
        guard case .invalidURL? = invalid else { return #expect(Bool(false), "\(invalid as Any)") }
        try await withServer { server in
            let error = await #expect(throws: WebSocketError.self) {
                try await Socket.connect(to: server.url) { _ in }.get()
            }
            #expect(error?.code == .tlsFailed)
            var trusting = WebSocketClient.Configuration()
            trusting.tlsConfiguration = .makeClientConfiguration()
            trusting.tlsConfiguration?.certificateVerification = .none
            try await Socket.connect(to: server.url, configuration: trusting) { socket in try? await socket.close() }
        }
    }

    @Test("A connect() that is cancelled ends") func aConnectThatIsCancelledEnds() async throws {
        let server = try FaultServer.neverAccepting()
        defer { server.stop() }
        let connecting = Task { try await Socket.connect(to: server.url()) { _ in await Task.yield() } }
        try await Task.sleep(for: .milliseconds(50))
        connecting.cancel()
        await #expect(throws: (any Error).self) { try await connecting.value }
    }

    @Test("Pings and pongs are shown with their payloads") func pingsAndPongsAreShown() async throws {
        let script: [FaultServer.Step] = [
            .upgrade(), .write(.ping(Array("a".utf8))), .readFrames(2), .write(.pong(Array("b".utf8))), .readClose,
            .write(.close(1000)),
        ]
        let server = try FaultServer(scripts: [script])
        defer { server.stop() }
        let record = Record<String>()
        let sockets = Record<Socket>()
        try await Socket.connect(to: server.url()) { socket in
            socket.onPing { _, data in record.add("ping \(String(buffer: data))") }
            socket.onPong { _, data async in record.add("pong \(String(buffer: data))") }
            sockets.add(socket)
        }.get()
        try await record.wait(for: 1)
        try await sockets.all[0].sendPing(Data("b".utf8))
        try await record.wait(for: 2)
        #expect(record.all == ["ping a", "pong b"])
        try await sockets.all[0].close(code: .unknown(4001))
        try await sockets.all[0].onClose.get()
        #expect(try await server.transcript().closeCode == 4001)
    }

    @Test("A ping interval can be set again, and aborts where the peer does not answer")
    func pingIntervalDropsADeadPeerAndCanBeSetAgain() async throws {
        let server = try FaultServer(scripts: [[.upgrade(), .stall]])
        defer { server.stop() }
        let sockets = Record<Socket>()
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

    @Test("A message in frames is sent whole") func aMessageInFramesIsSentWhole() async throws {
        try await withServer { server in
            let record = Record<String>()
            try await Socket.connect(to: server.url, configuration: configuration(server)) { socket in
                socket.onText { _, text in record.add(text) }
                socket.send(raw: Data("one ".utf8), opcode: .text, fin: false, promise: nil)
                socket.send(raw: Data("two ".utf8), opcode: .continuation, fin: false, promise: nil)
                try? await socket.send(raw: Data("three".utf8), opcode: .continuation)
            }
            try await record.wait(for: 1)
            #expect(record.all == ["one two three"])
        }
    }

    @Test("With one line, onUpgrade is called for each connection, until the socket is closed")
    func withOneLineOnUpgradeIsCalledForEachConnection() async throws {
        try await withServer { server in
            let record = Record<String>()
            let sockets = Record<Socket>()
            try await Socket.connect(to: server.url, configuration: configuration(server, reconnects: true)) { socket in
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
            let sockets = Record<Socket>()
            try await Socket.connect(to: server.url, configuration: configuration(server, reconnects: true)) { socket in
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
            let closed = Record<Bool>()
            try await Socket.connect(to: server.url, configuration: configuration(server)) { socket in
                try? await socket.onClose.get()
                closed.add(true)
            }
            try await closed.wait(for: 1)
        }
    }

    @Test("A message in many frames arrives whole") func aMessageInManyFramesArrivesWhole() async throws {
        try await withServer { server in
            let received = Record<ByteBuffer>()
            let payload = (0..<2_000_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
            try await Socket.connect(to: server.url, configuration: configuration(server)) { socket in
                socket.onBinary { _, buffer in received.add(buffer) }
                for start in stride(from: 0, to: payload.count, by: 1_000) {
                    socket.send(
                        raw: payload[start..<start + 1_000], opcode: start == 0 ? .binary : .continuation,
                        fin: start + 1_000 == payload.count)
                }
            }.get()
            try await received.wait(for: 1)
            #expect(Array(received.all[0].readableBytesView) == payload)
        }
    }

    @Test("The loops of a group carry its connections, and end them with the group")
    func loopsOfAGroupCarryConnectionsAndEndThem() async throws {
        try await withServer { server in
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
            let sockets = Record<Socket>()
            for _ in 0..<4 {
                try await Socket.connect(to: server.url, configuration: configuration(server), on: group) {
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
                let (held, sockets) = (Token(), Record<Socket>())
                token = held
                try await Socket.connect(to: server.url, configuration: configuration(server)) { socket in
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
