import LibC
import Synchronization
import Testing

@testable import WebSocketTesting

@Suite(.timeLimit(.minutes(10))) struct FaultServerListenerTests {
    /// A listener to whose port somebody is connecting already: its socket stays readable until that is accepted.
    private func withWaitingClient(
        _ body: (FaultServerListener, FaultServerInterrupt) throws -> Void
    ) throws {
        let listener = try FaultServerListener(address: .ipv4Loopback, receiveBufferSize: nil, backlog: 8)
        let interrupt = try FaultServerInterrupt()
        let client = try RawClient(port: listener.port)
        defer {
            client.disconnect()
            listener.stop()
        }
        try body(listener, interrupt)
    }

    @Test(
        "The listener does not spin while the system has no descriptor or memory",
        arguments: [EMFILE, ENFILE, ENOBUFS, ENOMEM])
    func shortage(error: Int32) throws {
        try withWaitingClient { listener, interrupt in
            var attempts = 0
            let begin = ContinuousClock.now
            let connection = listener.nextConnection(interrupt: interrupt) { descriptor in
                attempts += 1
                guard attempts > 5 else {
                    errno = error
                    return -1
                }
                return accept(descriptor, nil, nil)
            }
            #expect(attempts == 6)
            #expect(ContinuousClock.now - begin >= FaultServerListener.shortageDelay * 5)
            let descriptor = try #require(connection)
            close(descriptor)
        }
    }

    @Test("The listener stops at once during a shortage")
    func stopDuringShortage() throws {
        try withWaitingClient { listener, interrupt in
            let connection = listener.nextConnection(interrupt: interrupt) { _ in
                interrupt.fire()
                errno = EMFILE
                return -1
            }
            #expect(connection == nil)
        }
    }

    @Test("The listener takes the next connection when a client has gone again")
    func clientGone() throws {
        try withWaitingClient { listener, interrupt in
            var attempts = 0
            let connection = listener.nextConnection(interrupt: interrupt) { descriptor in
                attempts += 1
                guard attempts > 1 else {
                    errno = ECONNABORTED
                    return -1
                }
                return accept(descriptor, nil, nil)
            }
            let descriptor = try #require(connection)
            close(descriptor)
        }
    }
}
