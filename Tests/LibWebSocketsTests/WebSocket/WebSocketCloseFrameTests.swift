import TestSupport
import Testing
import WebSocketTesting

@testable import LibWebSockets

/// A program that is told that the connection has ended may end the process: this side's close frame must have left it by
/// then.
@Suite(.hangs) struct WebSocketCloseFrameTests {
    private static let small = WebSocketConfiguration(sendBufferSize: 64 << 20, closeTimeout: .seconds(86_400))

    /// Sends more than the peer's and the system's buffers take. Returns false when the peer closes before they are full:
    /// on a slow machine the test is easier to pass, and nothing else.
    private func fill(_ socket: WebSocket) async throws -> Bool {
        repeat {
            do {
                try await socket.send([UInt8](repeating: 1, count: 4 << 20))
            } catch let error as WebSocketError where error.code == .connectionClosed {
                return false
            }
            _ = try await standstill { socket.statistics.bytesWaitingToBeWritten }
        } while socket.statistics.bytesWaitingToBeWritten < 1 << 20
        return true
    }

    @Test("The messages end when the answer to the peer's close frame is written", arguments: Security.allCases)
    func written(security: Security) async throws {
        let script: [FaultServer.Step] = [
            .upgrade(), .pause(.seconds(2)), .write(.text("closing"), .close(1000)), .pause(.milliseconds(300)),
            .readUntilEnd,
        ]
        try await withFaultServer(script, security: security, configuration: Self.small) { server, socket in
            _ = try await fill(socket)
            let received = try await socket.receiveAll()
            #expect(received == [.text("closing")])
            #expect(socket.statistics.bytesWaitingToBeWritten == 0, "told before it was written")
            #expect(socket.closure?.isClean == true)
            // The peer waits for us to close, as a client does only after its deadline.
            socket.abort()
            let transcript = try await server.transcript()
            #expect(transcript.frames.last?.opcode == 8)
        }
    }

    @Test("The peer's end is told at once behind output that it does not read", arguments: Security.allCases)
    func behindUnreadOutput(security: Security) async throws {
        let script: [FaultServer.Step] = [.upgrade(), .pause(.seconds(3)), .write(.close(1011)), .stall]
        try await withFaultServer(script, security: security, configuration: Self.small) { _, socket in
            // One small message after the other: the last waits behind what the pipe has already taken.
            repeat {
                guard (try? await socket.send([UInt8](repeating: 1, count: 32 << 10))) != nil else { break }
                for _ in 0..<10 where socket.statistics.bytesWaitingToBeWritten > 0 {
                    try await Task.sleep(for: .milliseconds(2))
                }
            } while socket.statistics.bytesWaitingToBeWritten == 0
            #expect(try await socket.closed().code == .internalError)
            socket.abort()
        }
    }

    @Test("A service's messages end as soon as it is certain how the connection does", arguments: Security.allCases)
    func atOnce(security: Security) async throws {
        let script: [FaultServer.Step] = [.upgrade(), .pause(.seconds(2)), .write(.close(1000)), .stall]
        try await withFaultServer(script, security: security, configuration: Self.small) { _, socket in
            socket.endMessagesAtOnce()
            let isFull = try await fill(socket)
            #expect(try await socket.receiveAll() == [])
            #expect(!isFull || socket.statistics.messagesUnsent > 0)
            socket.abort()
        }
    }

    @Test("When it cannot be written, the end is told after the close timeout", arguments: Security.allCases)
    func neverWritten(security: Security) async throws {
        var configuration = Self.small
        configuration.closeTimeout = .milliseconds(300)
        let script: [FaultServer.Step] = [.upgrade(), .pause(.seconds(2)), .write(.close(1000)), .stall]
        try await withFaultServer(script, security: security, configuration: configuration) { _, socket in
            let isFull = try await fill(socket)
            let received = try await socket.receiveAll()
            #expect(received.isEmpty)
            let closure = try await socket.closed()
            #expect(closure.received?.code == .normalClosure)
            #expect(!isFull || socket.statistics.messagesUnsent > 0)
        }
    }

    @Test("Whoever waits to send is told at once that nothing more can be sent")
    func senders() async throws {
        let configuration = WebSocketConfiguration(sendBufferSize: 1, closeTimeout: .seconds(86_400))
        // Long enough for everything between the two to be full.
        let script: [FaultServer.Step] = [
            .upgrade(), .readFrames(1), .pause(.milliseconds(300)), .write(.close(1001)), .stall,
        ]
        try await withFaultServer(script, configuration: configuration) { _, socket in
            let sending = Task {
                while true { try await socket.send([UInt8](repeating: 1, count: 1 << 20)) }
            }
            let error = try await #require(throws: WebSocketError.self) { try await sending.value }
            #expect(error.code == .connectionClosed)
            socket.abort()
        }
    }

    @Test("Whoever waits to send is told at once when this side closes")
    func sendersOfTheClosingSide() async throws {
        let configuration = WebSocketConfiguration(sendBufferSize: 1, closeTimeout: .seconds(86_400))
        try await withFaultServer([.upgrade(), .stall], configuration: configuration) { _, socket in
            let sent = Counter()
            let sending = Task {
                while true {
                    try await socket.send([UInt8](repeating: 1, count: 1 << 20))
                    sent.increment()
                }
            }
            _ = try await standstill { sent.value }
            let closing = Task { await socket.close() }
            let error = try await #require(throws: WebSocketError.self) { try await sending.value }
            #expect(error.code == .connectionClosed)
            socket.abort()
            _ = await closing.value
        }
    }
}
