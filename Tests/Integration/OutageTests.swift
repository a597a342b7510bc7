import Synchronization
import Foundation
import LibWebSockets
import TestSupport
import Testing
import WebSocketService
import WebSocketTesting

/// The meaning of "loses nothing unreported". `send` answers for each message once, and after that the message has one
/// outcome:
///
/// - `sent`, or `queued` and later handed over: one connection took it, and that connection either brought its echo back, or
///   ended, which the service reports with ``SocketEvent/closed(_:)``. Delivery is at most once: only the peer could know
///   whether such a message arrived, so it is never sent again (``QueuePolicy``);
/// - `queued`, and returned by ``SocketService/stop(code:reason:)``;
/// - `dropped`, by the outcome or by ``SocketEvent/dropped(_:_:)``.
@Suite("A server that dies while messages flow", .needsEchoServer, .timeLimit(.minutes(10)))
struct OutageTests {
    /// The messages that the app sent and saw.
    private struct Observed: Sendable {
        var outcomes: [SendOutcome] = []
        var delivered: [UInt64] = []
        var damaged = 0
        var dropped = 0
        var ends: [ConnectionEnd] = []
        var isSending = false
    }

    private static func message(_ number: UInt64) -> [UInt8] {
        var generator = SeededGenerator(seed: number)
        let size = Int.random(in: 0...4_096, using: &generator)
        return withUnsafeBytes(of: number.bigEndian) { Array($0) } + repeatElement(UInt8(size & 0xFF), count: size)
    }

    /// Every number is larger than the one before it.
    private func isAscending(_ numbers: [UInt64]) -> Bool { zip(numbers, numbers.dropFirst()).allSatisfy(<) }

    @Test("Every message has one outcome, and everything that arrives is whole, in order and there once")
    func killedTenTimes() async throws {
        let kills = 10
        try await withSecureEchoServer { server, configuration in
            let transport = LedgerTransport(base: WebSocketTransport(configuration: configuration))
            let service = SocketService(
                server.url(scheme: "wss"), transport: transport,
                reconnect: .exponential(initial: .milliseconds(5), maximum: .milliseconds(50)),
                // Full queues are part of it: the sender then waits.
                queue: QueuePolicy(limit: 500, overflow: .suspend), options: .quiet)
            let observed = Lock(Observed())
            service.onMessage { message in
                let isIntact = message.payload.elementsEqual(Self.message(message.number))
                observed.withLock {
                    $0.delivered.append(message.number)
                    if !isIntact { $0.damaged += 1 }
                }
            }
            service.onClose { end in observed.withLock { $0.ends.append(end) } }
            service.onDropped { _, _ in observed.withLock { $0.dropped += 1 } }
            async let sending: Void = {
                try await eventually("the first message was not sent") { observed.withLock(\.isSending) }
                var number: UInt64 = 1
                while observed.withLock(\.isSending), !Task.isCancelled {
                    let outcome = try await service.send(Self.message(number))
                    observed.withLock { $0.outcomes.append(outcome) }
                    number += 1
                }
            }()
            let unsent = try await withSocketService(service, waitingForOpen: true) { service in
                // The first message finds nothing before it: it is sent. The others are so many that the queue fills.
                let first = try await service.send(Self.message(0))
                observed.withLock {
                    $0.outcomes.append(first)
                    $0.isSending = true
                }
                for kill in 1...kills {
                    try await eventually("no echo on connection \(kill)") {
                        transport.ledger.pages.count == kill && transport.ledger.pages[kill - 1].returned.count > 100
                    }
                    await server.kill()
                    if kill < kills { try await server.restart() }
                }
                // `onClose` comes after the connection's messages, so that none of them is on its way to a handler.
                try await eventually("the last loss was not noticed, or nothing queued after it") {
                    observed.withLock(\.ends).count == kills && service.statistics.queuedMessages > 100
                }
                observed.withLock { $0.isSending = false }
                return await service.stop().map(\.number)
            }
            try await sending

            let pages = transport.ledger.pages
            let (result, count) = observed.withLock { ($0, $0.outcomes.count) }
            #expect(pages.count == kills)
            #expect(result.ends.count == kills, "each loss is reported")
            #expect(result.ends.allSatisfy { if case .failed(.lost) = $0 { true } else { false } })
            #expect(result.damaged == 0)
            #expect(result.dropped == 0)

            for (index, page) in pages.enumerated() {
                #expect(isAscending(page.taken), "connection \(index) took messages out of order")
                // The server echoes in order, so what is missing is what came last.
                let echoesAreTheFirstOnes = page.taken.starts(with: page.returned)
                #expect(echoesAreTheFirstOnes, "connection \(index) lost messages amid others")
            }
            let handlersSawAll = result.delivered == pages.flatMap(\.returned)
            #expect(handlersSawAll, "handlers see what arrives, in that order")
            #expect(
                isAscending(result.delivered), "messages of a later connection are later ones, and none comes twice")

            // The sum: every number that `send` answered for, exactly once.
            let refused = result.outcomes.indices.filter { result.outcomes[$0] == .dropped(.closed) }.map(UInt64.init)
            let fates = pages.flatMap(\.taken) + unsent + refused
            let eachHasOneOutcome = fates.sorted() == Array(0..<UInt64(count))
            #expect(eachHasOneOutcome)
            #expect(isAscending(unsent))
            #expect(result.outcomes.first == .sent)
            #expect(result.outcomes.contains(.queued) && !unsent.isEmpty)

            let lost = pages.map { $0.taken.count - $0.returned.count }
            print(
                """
                \(kills) kills, \(count) messages: \(result.delivered.count) echoed, \(lost.reduce(0, +)) lost with \
                reported connections \(lost), \(unsent.count) returned by stop(), \(refused.count) refused by then
                """)
        }
    }
}
