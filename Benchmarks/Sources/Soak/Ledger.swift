import HTTPTypes
import Synchronization
import WebSocketService

/// The outcome of every message that was offered to a service.
///
/// The service's promise is that each has one outcome: a connection took it, it was reported as dropped, or `stop()` returned
/// it. A message that a connection took has either arrived or went down with that connection, whose end was reported.
final class Ledger: Sendable {
    private struct Books {
        var offered: [Int: Offer] = [:]
        var taken: [Int: Int] = [:]
        var arrived: [Int: Int] = [:]
        var dropped: [Int: Int] = [:]
        var returned: [Int: Int] = [:]
        var unordered = 0
        var openings = 0
        var failures: [String] = []
    }

    enum Offer: Equatable {
        case sent
        case queued
        /// The call has reported that the message is not taken.
        case refused
    }

    private let books = Mutex(Books())

    func offered(_ number: Int, _ offer: Offer) { books.withLock { $0.offered[number] = offer } }
    func taken(_ number: Int) { books.withLock { $0.taken[number, default: 0] += 1 } }
    func arrived(_ number: Int) { books.withLock { $0.arrived[number, default: 0] += 1 } }
    func dropped(_ number: Int) { books.withLock { $0.dropped[number, default: 0] += 1 } }
    func returned(_ number: Int) { books.withLock { $0.returned[number, default: 0] += 1 } }
    func opened() { books.withLock { $0.openings += 1 } }
    func arrivedOutOfOrder() { books.withLock { $0.unordered += 1 } }
    func failed(_ words: String) { books.withLock { $0.failures.append(words) } }

    /// A line with the sums, and everything that is wrong.
    func close() -> (summary: String, problems: [String]) {
        books.withLock { books in
            var problems = books.failures
            var (accounted, lost) = (0, 0)
            for (number, offer) in books.offered {
                let (taken, dropped) = (books.taken[number] ?? 0, books.dropped[number] ?? 0)
                let (returned, arrived) = (books.returned[number] ?? 0, books.arrived[number] ?? 0)
                let fates = taken + dropped + returned
                if fates != (offer == .refused ? 0 : 1) || arrived > taken {
                    problems.append(
                        "message \(number) (\(offer)): taken \(taken), arrived \(arrived), dropped \(dropped), "
                            + "returned \(returned)")
                } else {
                    accounted += 1
                    lost += taken - arrived
                }
            }
            if books.unordered > 0 { problems.append("\(books.unordered) messages arrived out of order") }
            let summary = """
                opened \(books.openings) times, offered \(books.offered.count), arrived \(books.arrived.count), lost with reported connections \(lost), \
                dropped \(books.dropped.count), returned by stop() \(books.returned.count), \
                refused \(books.offered.values.count { $0 == .refused }), \
                unaccounted \(books.offered.count - accounted)
                """
            return (summary, problems)
        }
    }
}

/// Notes which messages connections take.
struct LedgerTransport: SocketTransport {
    let base: WebSocketTransport
    let ledger: Ledger

    func connect(to request: ConnectRequest) async throws -> any SocketConnection {
        LedgerConnection(base: try await base.connect(to: request), ledger: ledger)
    }

    func validate(_ request: ConnectRequest) throws { try base.validate(request) }
}

private struct LedgerConnection: SocketConnection {
    let base: any SocketConnection
    let ledger: Ledger

    var handshake: HandshakeResponse { base.handshake }
    var closure: WebSocketClosure? { base.closure }
    var closeError: (any Error)? { base.closeError }
    var bytesReceived: UInt64 { base.bytesReceived }

    func send(_ message: WebSocketMessage) async throws {
        try await base.send(message)
        if let number = Order.number(in: message) { ledger.taken(number) }
    }

    func sendWithoutWaiting(_ message: WebSocketMessage) async throws -> Bool {
        guard try await base.sendWithoutWaiting(message) else { return false }
        if let number = Order.number(in: message) { ledger.taken(number) }
        return true
    }

    func nextMessages() async throws -> [WebSocketMessage]? { try await base.nextMessages() }
    func ping() async throws -> Duration { try await base.ping() }
    func close(code: CloseCode, reason: String) async -> WebSocketClosure {
        await base.close(code: code, reason: reason)
    }
    func abort() { base.abort() }
    func ended() async throws -> WebSocketClosure { try await base.ended() }
}

/// A message whose way is followed: `{"socketType":"order","sender":7,"n":4711}`.
enum Order {
    static func text(sender: Int, _ number: Int) -> String {
        #"{"socketType":"order","sender":\#(sender),"n":\#(number)}"#
    }

    static func number(in message: WebSocketMessage) -> Int? { value(of: "n", in: message) }
    static func sender(in message: WebSocketMessage) -> Int? { value(of: "sender", in: message) }

    private static func value(of key: String, in message: WebSocketMessage) -> Int? {
        guard let text = message.text, text.hasPrefix(#"{"socketType":"order""#) else { return nil }
        guard let key = text.firstRange(of: "\"\(key)\":") else { return nil }
        return Int(text[key.upperBound...].prefix { $0.isNumber })
    }
}
