import TestSupport
import Testing
import WebSocketProtocol
import WebSocketTesting

@testable import LibWebSockets

/// The order in which a pipe's events come decides how a connection ends, and no socket gives every order.
@Suite(.hangs) struct ConnectionTests {
    private static let closeTimeout = Duration.seconds(10)

    /// Runs a script with a connection and its pipe, on the thread of a loop.
    private func script<Value: Sendable>(
        _ role: Role = .client, _ body: @escaping @Sendable (Connection, ScriptedPipe) throws -> Value
    ) async throws -> Value {
        let loop = SocketLoop.forTest()
        return try await loop.run { _ in
            Result {
                let pipe = ScriptedPipe()
                let connection = Connection(
                    role: role, pipe: pipe, socketLoop: loop, peer: "the peer",
                    limits: Connection.Limits(
                        maximumMessageSize: 1 << 20, receiveBuffer: 1 << 20, sendBuffer: 1 << 20,
                        closeTimeout: Self.closeTimeout),
                    logger: .silent)
                pipe.consumer = connection
                return try withExtendedLifetime(connection) { try body(connection, pipe) }
            }
        }.get()
    }

    private static func send(_ count: Int, on connection: Connection) throws {
        try #require(try connection.trySend(.binary, payload: [UInt8](repeating: 1, count: count)))
        connection.serviceOutput()
    }

    @Test(
        "The peer's end is told though this side's close frame cannot go out, whichever was first",
        arguments: [true, false])
    func endBehindBlockedOutput(closesFirst: Bool) async throws {
        let (before, after) = try await script { connection, pipe in
            pipe.room = 0
            try Self.send(1_000, on: connection)
            if !closesFirst { pipe.serviceOutput() }
            pipe.receive(.close(1011))
            let before = connection.ending?.closure.code
            if closesFirst { pipe.serviceOutput() }
            return (before, connection.ending?.closure.code)
        }
        // Output that was not tried yet may still go out.
        #expect(before == (closesFirst ? nil : .internalError))
        #expect(after == .internalError)
    }

    @Test("An end behind output that goes out is told once the close frame is out")
    func endBehindOutput() async throws {
        let (before, after, last) = try await script { connection, pipe in
            try Self.send(1_000, on: connection)
            pipe.receive(.close(1000))
            let before = connection.ending?.closure
            pipe.serviceOutput()
            return (before, connection.ending?.closure, pipe.sent.count)
        }
        #expect(before == nil)
        #expect(after?.isClean == true)
        // Two headers with masks, and the code.
        #expect(last == 8 + 1_000 + 6 + 2)
    }

    @Test("A close deadline begins anew as long as the peer takes what was sent, and then ends the connection")
    func closeDeadline() async throws {
        let aborted = try await script { connection, pipe in
            pipe.unacknowledgedByteCount = 1_000
            connection.beginClosing(CloseFrame(code: .normalClosure))
            connection.serviceOutput()
            pipe.serviceOutput()
            return [700, 400, 400].map { unacknowledged in
                pipe.unacknowledgedByteCount = unacknowledged
                pipe.advance(by: Self.closeTimeout)
                return pipe.isAborted
            }
        }
        #expect(aborted == [false, false, true])
    }

    @Test(
        "A server ends its side of the pipe behind the close handshake, a client waits for the server to",
        arguments: Role.allCases)
    func whoEndsThePipe(role: Role) async throws {
        let (hasEnded, answer) = try await script(role) { connection, pipe in
            var close = FaultServer.Frame.close(1000)
            if role == .server { close.maskKey = [1, 2, 3, 4] }
            pipe.receive(close)
            connection.serviceOutput()
            // The answer, and then the end.
            for _ in 0..<2 { pipe.serviceOutput() }
            return (pipe.hasEnded, pipe.sent.first)
        }
        #expect(hasEnded == (role == .server))
        #expect(answer == 0x88)
    }
}
