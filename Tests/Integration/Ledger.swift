import Synchronization
import LibWebSockets
import WebSocketService

/// A transport that keeps the books: which connection has taken which messages, and what came back on it.
///
/// A message is identified by its first eight bytes. The service above is the one under test, so it is not asked.
struct LedgerTransport: SocketTransport {
    let base: WebSocketTransport
    let ledger = Ledger()

    func connect(to request: ConnectRequest) async throws -> any SocketConnection {
        let connection = try await base.connect(to: request)
        return LedgerConnection(base: connection, ledger: ledger, index: ledger.open())
    }

    func validate(_ request: ConnectRequest) throws { try base.validate(request) }
}

final class Ledger: Sendable {
    /// One connection that was open.
    struct Page: Sendable {
        /// The messages that the connection has taken, in order.
        var taken: [UInt64] = []
        /// The messages that have come back on it, in order.
        var returned: [UInt64] = []
    }

    private let content = Lock<[Page]>([])

    /// Of each connection, in order.
    var pages: [Page] { content.withLock { $0 } }

    fileprivate func open() -> Int {
        content.withLock { pages in
            pages.append(Page())
            return pages.count - 1
        }
    }

    fileprivate func took(_ message: WebSocketMessage, on index: Int) {
        content.withLock { $0[index].taken.append(message.number) }
    }

    fileprivate func returned(_ messages: [WebSocketMessage], on index: Int) {
        content.withLock { pages in
            for message in messages { pages[index].returned.append(message.number) }
        }
    }
}

private struct LedgerConnection: SocketConnection {
    let base: any SocketConnection
    let ledger: Ledger
    let index: Int

    func send(_ message: WebSocketMessage) async throws {
        try await base.send(message)
        ledger.took(message, on: index)
    }

    func nextMessages() async throws -> [WebSocketMessage]? {
        let batch = try await base.nextMessages()
        if let batch { ledger.returned(batch, on: index) }
        return batch
    }

    var handshake: HandshakeResponse { base.handshake }
    var closure: WebSocketClosure? { base.closure }
    var closeError: (any Error)? { base.closeError }
    var bytesReceived: UInt64 { base.bytesReceived }
    func ping() async throws -> Duration { try await base.ping() }
    func close(code: CloseCode, reason: String) async -> WebSocketClosure {
        await base.close(code: code, reason: reason)
    }
    func abort() { base.abort() }
    func ended() async throws -> WebSocketClosure { try await base.ended() }
}

extension WebSocketMessage {
    /// The big-endian number that the message begins with.
    var number: UInt64 { payload.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }
}
