import TestSupport
import Testing
import WebSocketTesting

@testable import LibWebSockets

/// A server's log belongs to whoever runs it, not to its clients.
@Suite(.hangs) struct WebSocketServerLogTests {
    private struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    @Test("Clients cannot make a server that decides wrongly fill its log")
    func refusals() async throws {
        let lines = LogLines()
        let server = WebSocketServer.Configuration(logger: lines.logger(), decide: { _ in .accept(subprotocol: "v9") })
        try await withServer(configuration: server, handler: { _, _ in }) { pair in
            for _ in 0..<50 {
                await #expect(throws: WebSocketError.self) { try await pair.connect() }
            }
        }
        #expect(lines.all.filter { $0.hasPrefix("error refused a request") }.count == 10)
        #expect(!lines.all.contains { $0.hasPrefix("warning") || $0.hasPrefix("critical") })
    }

    @Test("Clients cannot make a handler that fails fill the log, and what they wrote stays one short line")
    func failures() async throws {
        let lines = LogLines()
        let server = WebSocketServer.Configuration(logger: lines.logger())
        let handler: WebSocketServer.Handler = { socket, _ in
            let text = try await socket.receive(1).first?.text
            throw Failure(description: text ?? "")
        }
        try await withServer(configuration: server, handler: handler) { pair in
            for _ in 0..<50 {
                let socket = try await pair.connect()
                try await socket.send("\r\nERROR forged \u{1B}[2J\u{202E}" + String(repeating: "x", count: 100_000))
                _ = try await socket.closed()
            }
        }
        let failures = lines.all.filter { $0.hasPrefix("warning the handler failed") }
        #expect(failures.count == 10)
        for line in failures {
            #expect(line.count < 1_200)
            #expect(!line.unicodeScalars.contains { $0.value < 0x20 || $0 == "\u{202E}" })
        }
    }

    @Test("A handler that sends while its client closes has not failed")
    func sendsWhileClosing() async throws {
        let lines = LogLines()
        let server = WebSocketServer.Configuration(logger: lines.logger())
        let handler: WebSocketServer.Handler = { socket, _ in
            while true { try await socket.send([UInt8](repeating: 1, count: 10_000)) }
        }
        try await withServer(configuration: server, handler: handler) { pair in
            for _ in 0..<20 {
                let socket = try await pair.connect()
                _ = try await socket.receive(1)
                await socket.close()
            }
        }
        #expect(!lines.all.contains { $0.hasPrefix("warning") })
    }

    @Test("A client that breaks the rules costs a line at debug level, no longer than it must be")
    func brokenRequests() async throws {
        let lines = LogLines()
        let server = WebSocketServer.Configuration(logger: lines.logger())
        try await withServer(configuration: server, handler: { _, _ in }) { pair in
            for _ in 0..<20 {
                let client = try RawClient(port: pair.server.port)
                try await client.write("GET /\u{1B}[31m" + String(repeating: "x", count: 4_000) + " HTTP/9.9\r\n\r\n")
                _ = try await client.readToEnd()
            }
        }
        let refused = lines.all.filter { $0.contains("refused a request") }
        #expect(refused.count == 20)
        for line in refused {
            #expect(line.hasPrefix("debug "))
            #expect(line.count < 700)
            #expect(!line.unicodeScalars.contains { $0.value < 0x20 })
        }
    }

    @Test("A peer that goes on sending after close() costs one line, not one for each time it was read from")
    func unseenMessages() async throws {
        let lines = LogLines()
        let message = FaultServer.Frame.binary([UInt8](repeating: 7, count: 64 << 10)).bytes
        let script: [FaultServer.Step] = [
            .upgrade(), .flood(message, count: 400), .readClose, .write(.close(1000)),
        ]
        try await FaultServer.withServer(script) { server in
            let configuration = WebSocketConfiguration(
                compression: .disabled, receiveBufferSize: 1, closeTimeout: .seconds(86_400), logger: lines.logger())
            let socket = try await WebSocket.connect(to: server.url(), configuration: configuration)
            #expect(await socket.close().isClean)
        }
        #expect(lines.all.filter { $0.contains("stay unseen") }.count == 1, "\(lines.all)")
    }
}
