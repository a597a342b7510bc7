import TestSupport
import Testing
import WebSocketTesting

@testable import LibWebSockets

/// libwebsockets' HTTP client writes nothing while its socket is readable.
@Suite(.hangs) struct WebSocketFloodTests {
    @Test("What this side sends goes out while the peer floods", arguments: Security.allCases)
    func sendsDuringFlood(security: Security) async throws {
        let frame = FaultServer.Frame.binary([UInt8](repeating: 1, count: 100))
        try await withFaultServer([.upgrade(), .flood(frame.bytes)], security: security) { _, socket in
            let received = Counter()
            let reading = Task {
                while try await socket.nextMessages() != nil { received.increment() }
            }
            for number in 1...20 {
                // The flood is under way, and goes on.
                let before = received.value
                try await eventually("the flood stopped") { received.value > before }
                try await socket.send("message \(number)")
                try await eventually("message \(number) was never written") {
                    socket.statistics.bytesWaitingToBeWritten == 0
                }
            }
            socket.abort()
            _ = await reading.result
        }
    }

    @Test("A peer that floods instead of answering the close frame fills no memory", arguments: Security.allCases)
    func closesDuringFlood(security: Security) async throws {
        let limit = 64 << 10
        let configuration = WebSocketConfiguration(receiveBufferSize: limit, closeTimeout: .milliseconds(500))
        let frame = FaultServer.Frame.binary([UInt8](repeating: 1, count: 1_000))
        try await withFaultServer(
            [.upgrade(), .flood(frame.bytes)], security: security, configuration: configuration
        ) { _, socket in
            let closure = await socket.close()
            #expect(closure.received == nil)
            let statistics = socket.statistics
            #expect(statistics.bytesWaitingToBeRead <= limit + Connection.largestReadCost)
            #expect(Int(statistics.networkBytesReceived) > 2 * limit, "it went on reading")
            #expect(
                statistics.bytesReceived <= statistics.bytesWaitingToBeRead, "the rest counts as not received")
        }
    }

    @Test("A connection whose messages nobody takes costs no processor time", arguments: Security.allCases)
    func idleWhilePaused(security: Security) async throws {
        let frame = FaultServer.Frame.binary([UInt8](repeating: 1, count: 10_000))
        let loop = SocketLoop.forTest()
        let server = try FaultServer(tls: try security.faultServer, scripts: [[.upgrade(), .flood(frame.bytes)]])
        let socket = try await WebSocket.connect(
            to: server.url(), configuration: .init(tls: try security.client), on: loop)
        _ = try await standstill { socket.statistics.bytesWaitingToBeRead }
        #expect(try await loop.load(during: .milliseconds(300)) < 0.5, "the loop is busy with nothing")
        socket.abort()
        server.stop()
        await loop.shutDown()
    }
}
