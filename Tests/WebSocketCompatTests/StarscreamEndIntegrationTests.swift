import Foundation
import LibWebSockets
import TestSupport
import Testing
import WebSocketTesting

@testable import StarscreamCompat

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

private typealias Socket = StarscreamCompat.WebSocket

@Suite("Ends of Starscream's shape", .timeLimit(.minutes(2))) struct StarscreamEndIntegrationTests {
    @Test("The end of TCP without a close frame is peerClosed")
    func theEndOfTCPWithoutACloseFrameIsPeerClosed() async throws {
        let script: [FaultServer.Step] = [.upgrade(), .write([0x81, 0x05, 0x68]), .shutDownWriting]
        let server = try FaultServer(scripts: [script])
        defer { server.stop() }
        let record = Collector<String>()
        let socket = try makeSocket(server, record)
        socket.connect()
        try await record.wait(for: 5)
        #expect(record.all == ["viable true", "connected", "viable false", "peerClosed", "cancelled"])
        withExtendedLifetime(socket) {}
    }

    @Test("Connecting in the handler of a disconnect makes a new connection")
    func connectingInTheHandlerOfADisconnectMakesANewConnection() async throws {
        try await withServer(handler: closing(1001)) { server in
            let record = Collector<String>()
            let socket = makeSocket(server, record)
            socket.onEvent = { [weak socket] event in
                record.add(word(event))
                if case .disconnected = event { socket?.connect() }
            }
            socket.connect()
            try await record.wait(for: 9)
            #expect(!record.all.contains("cancelled"))
            socket.onEvent = nil
        }
    }

    @Test("Connecting in the handler of an error makes another attempt")
    func connectingInTheHandlerOfAnErrorMakesAnotherAttempt() async throws {
        var configuration = WebSocketServer.Configuration()
        let asked = Collector<Bool>()
        configuration.decide = { _ in
            asked.add(true)
            return asked.count < 4 ? .refuse(.forbidden) : .accept()
        }
        try await withServer(configuration: configuration) { server in
            let record = Collector<String>()
            let socket = makeSocket(server, record)
            let note = socket.onEvent
            socket.onEvent = { [weak socket] event in
                note?(event)
                if case .error = event { socket?.connect() }
            }
            socket.connect()
            try await eventually("\(record.all)") { record.all.contains("connected") }
            #expect(asked.count == 4)
            socket.disconnect()
            try await eventually("\(record.all)") { record.all.last == "cancelled" }
        }
    }

    @Test("forceDisconnect() overtakes a disconnect() that waits for the peer")
    func forcingOvertakesADisconnectThatWaitsForThePeer() async throws {
        // Reads nothing, so that the close frame is not answered.
        let handler: WebSocketServer.Handler = { _, _ in try await Task.sleep(for: .seconds(3_600)) }
        try await withServer(handler: handler) { server in
            let record = Collector<String>()
            let socket = makeSocket(server, record)
            socket.options.connection.closeTimeout = .seconds(3_600)
            socket.connect()
            try await record.wait(for: 2)
            for _ in 0..<64 { socket.write(data: Data(count: 1 << 20)) }
            socket.disconnect()
            socket.forceDisconnect()
            try await eventually("\(record.all)") { record.all.last == "cancelled" }
        }
    }

    @Test("With one line, a socket comes back with the server, until it is disconnected")
    func withOneLineItComesBackWithTheServer() async throws {
        try await withServer { server in
            let record = Collector<String>()
            let socket = makeSocket(server, reconnects: true, record)
            socket.connect()
            try await record.wait(for: 2)
            await server.kill()
            try await eventually { record.all.contains("viable false") }
            socket.write(string: "kept")
            try await server.restart()
            try await eventually("\(record.all)") { record.all.last == "text kept" }
            #expect(record.all.filter { $0 == "connected" }.count == 2)
            #expect(!record.all.contains("cancelled"))
            socket.disconnect()
            try await eventually { record.all.last == "cancelled" }
            try await server.restart()
            try await Task.sleep(for: .milliseconds(200))
            #expect(record.all.last == "cancelled")
        }
    }

    @Test("Disconnecting while connecting ends the attempt") func disconnectingWhileConnectingEndsIt() async throws {
        let server = try FaultServer.neverAccepting()
        defer { server.stop() }
        let record = Collector<String>()
        let socket = try makeSocket(server, record)
        socket.connect()
        socket.disconnect()
        try await record.wait(for: 1)
        #expect(record.all == ["cancelled"])
    }

    @Test("A socket that is let go of closes its connection and releases its handler")
    func letGoOfItClosesTheConnectionAndReleasesTheHandler() async throws {
        try await withServer { server in
            final class Token: Sendable {}
            let record = Collector<String>()
            weak var token: Token?
            do {
                var sockets: [Socket] = []
                let held = Token()
                token = held
                for _ in 0..<20 {
                    let socket = makeSocket(server, record)
                    socket.onEvent = { event in
                        withExtendedLifetime(held) { record.add(word(event)) }
                    }
                    socket.connect()
                    sockets.append(socket)
                }
                try await eventually { server.connectionCount == 20 }
            }
            try await eventually("\(server.connectionCount)") { server.connectionCount == 0 && token == nil }
        }
    }
}
