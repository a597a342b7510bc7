import Foundation
import LibWebSockets
import TestSupport
import Testing
import WebSocketKitCompat
import WebSocketTesting

private typealias Socket = WebSocketKitCompat.WebSocket

@Suite("websocket-kit's shape", .timeLimit(.minutes(2))) struct WebSocketKitIntegrationTests {
    @Test("Messages are echoed in order, and close() ends with its code") func messagesAreEchoedInOrder() async throws {
        try await withServer { server in
            let record = Collector<String>()
            let closed = Collector<WebSocketErrorCode?>()
            try await Socket.connect(to: server.url, configuration: server.kitConfiguration()) { socket in
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
                let record = Collector<String>()
                let sockets = Collector<Socket>()
                if isAsynchronous {
                    try await Socket.connect(to: server.url, configuration: server.kitConfiguration()) { socket in
                        sockets.add(socket)
                        await Task.yield()
                        socket.onText { _, text async in record.add(text) }
                        socket.onBinary { _, _ async in record.add("binary") }
                        // As long as the connection lasts.
                        try? await socket.onClose.get()
                    }
                } else {
                    try await Socket.connect(to: server.url, configuration: server.kitConfiguration()) {
                        socket -> Void in
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
            let record = Collector<Int>()
            try await Socket.connect(to: server.url, configuration: server.kitConfiguration()) { socket in
                socket.onBinary { socket, buffer in
                    record.add(buffer.readableBytes)
                    _ = socket.close()
                }
                try? await socket.onClose.get()
            }
            try await record.wait(for: 1)
        }
    }

    @Test("A refusal is an error with its status and headers") func aRefusalHasItsStatus() async throws {
        var refusing = WebSocketServer.Configuration()
        refusing.decide = { _ in .refuse(.forbidden, headers: [.server: "test"]) }
        try await withServer(configuration: refusing) { server in
            let error = await #expect(throws: WebSocketClient.Error.self) {
                try await Socket.connect(to: server.url, configuration: server.kitConfiguration()) { _ in }.get()
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
        let record = Collector<String>()
        let sockets = Collector<Socket>()
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

    @Test("A message in frames is sent whole") func aMessageInFramesIsSentWhole() async throws {
        try await withServer { server in
            let record = Collector<String>()
            try await Socket.connect(to: server.url, configuration: server.kitConfiguration()) { socket in
                socket.onText { _, text in record.add(text) }
                socket.send(raw: Data("one ".utf8), opcode: .text, fin: false, promise: nil)
                socket.send(raw: Data("two ".utf8), opcode: .continuation, fin: false, promise: nil)
                try? await socket.send(raw: Data("three".utf8), opcode: .continuation)
            }
            try await record.wait(for: 1)
            #expect(record.all == ["one two three"])
        }
    }

    @Test("A message in many frames arrives whole") func aMessageInManyFramesArrivesWhole() async throws {
        try await withServer { server in
            let received = Collector<ByteBuffer>()
            let payload = (0..<2_000_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
            try await Socket.connect(to: server.url, configuration: server.kitConfiguration()) { socket in
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
}
