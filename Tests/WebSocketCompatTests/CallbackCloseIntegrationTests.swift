import BrowserCompat
import Foundation
import LibWebSockets
import StarscreamCompat
import TestSupport
import Testing
import URLSessionCompat
import WebSocketKitCompat
import WebSocketTesting

#if canImport(FoundationNetworking)
    import struct FoundationNetworking.URLRequest
#endif

@Suite("Closing from inside of every callback", .timeLimit(.minutes(5))) struct CallbackCloseIntegrationTests {
    @Test(
        "Starscream's shape may be disconnected in its callbacks",
        arguments: ["viability", "connected", "text", "binary", "pong", "completion"])
    func starscreamClosesInACallback(name: String) async throws {
        try await withServer(handler: greeting(.text("a"), .binary([1]))) { server in
            let record = Collector<String>()
            let socket = StarscreamCompat.WebSocket(request: URLRequest(url: server.address))
            socket.options = server.options
            socket.callbackQueue = DispatchQueue(label: "test")
            socket.onEvent = { [unowned socket] event in
                record.add("\(event)")
                if "\(event)".hasPrefix(name) { socket.disconnect() }
                if case .connected = event {
                    socket.write(ping: Data())
                    socket.write(string: "b") { if name == "completion" { socket.disconnect() } }
                }
            }
            socket.connect()
            try await eventually("\(record.all)") { record.all.last == "cancelled" }
            socket.connect()
            socket.disconnect()
        }
    }

    @Test("Starscream's shape may be disconnected when a ping is shown") func starscreamClosesAtAPing() async throws {
        let server = try FaultServer(scripts: [
            [.upgrade(), .write(.ping(Array("a".utf8))), .readClose, .write(.close(1000)), .readUntilEnd]
        ])
        defer { server.stop() }
        let record = Collector<String>()
        let socket = try makeSocket(server, record)
        let note = socket.onEvent
        socket.onEvent = { [unowned socket] event in
            note?(event)
            if case .ping = event { socket.disconnect() }
        }
        socket.connect()
        try await eventually("\(record.all)") { record.all.last == "cancelled" }
        #expect(record.all.contains { $0.hasPrefix("ping") })
        #expect(try await server.transcript().closeCode == 1000)
    }

    @Test(
        "websocket-kit's shape may be closed in its callbacks",
        arguments: ["upgrade", "text", "binary", "pong", "close"])
    func webSocketKitClosesInACallback(name: String) async throws {
        try await withServer(handler: greeting(.text("a"), .binary([1]))) { server in
            var configuration = WebSocketClient.Configuration()
            configuration.options = server.options
            let ended = Collector<Bool>()
            try await WebSocketKitCompat.WebSocket.connect(to: server.url, configuration: configuration) { socket in
                socket.onText { socket, _ in if name == "text" { try? await socket.close() } }
                socket.onBinary { socket, _ in if name == "binary" || name == "close" { _ = socket.close() } }
                socket.onPong { socket, _ in if name == "pong" { try? await socket.close() } }
                socket.onClose.whenComplete { _ in
                    _ = socket.close()
                    ended.add(true)
                }
                try? await socket.sendPing()
                if name == "upgrade" { try? await socket.close() }
            }
            try await ended.wait(for: 1)
        }
    }

    @Test("A task of URLSession's shape may be cancelled in any of its completion handlers")
    func urlSessionCancelsInACallback() async throws {
        try await withServer(handler: greeting(.text("a"))) { server in
            let configuration = WebSocketSessionConfiguration.default
            configuration.options = server.options
            let session = WebSocketSession(configuration: configuration)
            let ended = Collector<Bool>()
            for name in ["send", "receive", "ping"] {
                let task = session.webSocketTask(with: server.address)
                task.resume()
                if name == "send" { task.send(.string("b")) { _ in task.cancel() } }
                if name == "ping" { task.sendPing { _ in task.cancel(with: .goingAway, reason: nil) } }
                task.receive { _ in
                    if name == "receive" { task.cancel() }
                    task.receive { _ in ended.add(true) }
                }
            }
            try await ended.wait(for: 3)
        }
    }
}
