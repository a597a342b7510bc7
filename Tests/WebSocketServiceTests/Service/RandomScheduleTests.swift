import HTTPTypes
import Synchronization
import Testing

@testable import WebSocketService
@testable import WebSocketTesting

/// Seeded schedules of connecting, killing, stalling and flooding, after which the books must balance.
@Suite(.timeLimit(.minutes(10))) struct RandomScheduleTests {
    @Test(arguments: 0..<200 as Range<UInt64>)
    func everyMessageHasOneFateOrderIsKeptAndNothingLeaks(seed: UInt64) async throws {
        let witnesses = try await Schedule(seed: seed).run()
        #expect(witnesses.count > 1)
        for witness in witnesses { await until { witness.isGone() } }
    }
}

/// Knows whether an object is gone without keeping it.
private struct Witness: Sendable {
    let isGone: @Sendable () -> Bool

    init(_ object: some AnyObject & Sendable) {
        isGone = { [weak object] in object == nil }
    }
}

/// One schedule: a service, senders, requesters and a peer that misbehaves, all decided by a seed.
private final class Schedule: Sendable {
    private struct Books: Sendable {
        var outcomes: [String: Result<SendOutcome, any Error>] = [:]
        var delivered = 0
        var handled: [Int] = []
        var dropped: [String] = []
    }

    private let seed: UInt64
    private let fixture: Fixture
    private let books = Mutex(Books())

    init(seed: UInt64) {
        self.seed = seed
        var generator = SeededGenerator(seed: seed)
        fixture = Fixture(
            reconnect: .exponential(jitter: .allCases.randomElement(using: &generator)!),
            heartbeat: Bool.random(using: &generator)
                ? .ping(every: .seconds(2), timeout: .seconds(1)) : .message(.text("beat"), every: .seconds(3)),
            queue: QueuePolicy(
                limit: Int.random(in: 1...30, using: &generator),
                byteLimit: Int.random(in: 20...500, using: &generator),
                overflow: .allCases.randomElement(using: &generator)!,
                timeToLive: Bool.random(using: &generator) ? .seconds(4) : nil),
            generator: SeededGenerator(seed: seed &+ 1),
            // Nothing may be missing from what the audit looks at.
            configure: { $0.eventBufferLimit = .max })
    }

    func run() async throws -> [Witness] {
        addHandlers()
        let service = fixture.service
        try await service.start()
        let leftovers = try await withThrowingTaskGroup(of: Void.self) { group in
            for sender in 0..<3 { group.addTask { await self.send(sender) } }
            for requester in 0..<2 { group.addTask { await self.request(requester) } }
            await misbehave()
            let leftovers = await whileTimePasses { [self] in
                seed.isMultiple(of: 2) ? await service.stop() : await service.shutDown()
            }
            try await group.waitForAll()
            return leftovers
        }
        try await fixture.events.next { $0 == "end of events" }
        await until { self.missing <= self.accountedFor }
        audit(leftovers)
        return [Witness(service), Witness(fixture.transport)]
            + fixture.transport.connections.map { Witness($0.link) }
    }

    private func whileTimePasses<Result: Sendable>(_ body: @escaping @Sendable () async -> Result) async -> Result {
        let clock = fixture.clock
        let time = Task {
            while !Task.isCancelled {
                clock.advance(by: .milliseconds(500))
                await Task.yield()
            }
        }
        defer { time.cancel() }
        return await body()
    }

    private func addHandlers() {
        let service = fixture.service
        // The handlers hold the schedule and so the service: stopping must break that circle.
        service.register("n") { [self] message in
            let number = Int(message.text?.split(separator: "#").last?.dropLast(2) ?? "") ?? -1
            books.withLock { $0.handled.append(number) }
            for _ in 0..<(number % 5) { await Task.yield() }
            if number % 11 == 0 { throw CancellationError() }
        }
        service.onOpen { context in
            try await service.send("open", delivery: .volatile)
            if context.isReconnect { await Task.yield() }
        }
        service.onDropped { [self] message, _ in books.withLock { $0.dropped.append(message.text ?? "") } }
    }

    /// Sends numbered messages one after the other, some of which are taken back.
    private func send(_ sender: Int) async {
        var generator = SeededGenerator(seed: seed &* 31 &+ UInt64(sender))
        let service = fixture.service
        for number in 0..<40 {
            let name = "s\(sender) \(number)"
            let delivery: Delivery =
                [.queued, .queued, .queued, .volatile, .expiring(after: .seconds(2))].randomElement(using: &generator)!
            let task = Task { try await service.send(name, delivery: delivery) }
            for _ in 0..<Int.random(in: 0...8, using: &generator) { await Task.yield() }
            if Int.random(in: 0..<12, using: &generator) == 0 { task.cancel() }
            let result = await task.result
            books.withLock { $0.outcomes[name] = result }
        }
    }

    /// Makes requests, each of which must end, one way or the other.
    private func request(_ requester: Int) async {
        var generator = SeededGenerator(seed: seed &* 37 &+ UInt64(requester))
        for number in 0..<10 {
            let message = WebSocketMessage.text(#"{"socketType":"q","id":"r\#(requester)-\#(number)"}"#)
            let survives = Bool.random(using: &generator)
            do {
                let reply = try await fixture.service.request(
                    message: message, timeout: .seconds(3), survivesReconnect: survives)
                #expect(JSONRouter().correlationID(of: reply) == "r\(requester)-\(number)")
            } catch {
                #expect(error is SocketServiceError, "\(error)")
            }
        }
    }

    private func misbehave() async {
        var generator = SeededGenerator(seed: seed &* 41)
        var answered = Set<String>()
        for _ in 0..<150 {
            for _ in 0..<Int.random(in: 0...12, using: &generator) { await Task.yield() }
            let peer = fixture.transport.connections.last
            switch Int.random(in: 0..<16, using: &generator) {
            case 0: peer?.drop()
            case 1: peer?.close(code: [.serviceRestart, .goingAway, .normalClosure].randomElement(using: &generator)!)
            case 2: fixture.transport.append(.connectionRefused)
            case 3: fixture.transport.append(.refuse(.serviceUnavailable, retryAfter: .seconds(1)), .hang)
            case 4: peer?.holdSends()
            case 5, 6: peer?.releaseSends()
            case 7: peer?.answerPings(after: Bool.random(using: &generator) ? .milliseconds(3) : nil)
            case 8: peer?.answerClose(Bool.random(using: &generator))
            case 9, 10: deliver(Int.random(in: 1...40, using: &generator), to: peer)
            case 11: answer(&answered, from: peer)
            case 12:
                // An attempt that hangs ends only by a call of the app's.
                await whileTimePasses { [service = fixture.service] in await service.pause() }
                fixture.service.resume()
            case 13: fixture.service.reconnectNow()
            default: fixture.clock.advance(by: .milliseconds(Int.random(in: 1...1_500, using: &generator)))
            }
        }
    }

    private func deliver(_ count: Int, to peer: ScriptedConnection?) {
        books.withLock { books in
            let numbers = books.delivered..<(books.delivered + count)
            if peer?.deliver(numbers.map { .text(##"{"socketType":"n","x":"#\##($0)"}"##) }) == true {
                books.delivered += count
            }
        }
    }

    private func answer(_ answered: inout Set<String>, from peer: ScriptedConnection?) {
        for connection in fixture.transport.connections {
            for message in connection.sent {
                guard let id = JSONRouter().correlationID(of: message), answered.insert(id).inserted else { continue }
                peer?.deliver(#"{"socketType":"reply","id":"\#(id)"}"#)
            }
        }
    }

    // MARK: The audit

    private func audit(_ leftovers: [WebSocketMessage]) {
        let books = books.withLock { $0 }
        let connections = fixture.transport.connections
        let onTheWire = connections.flatMap { $0.sent.compactMap(\.text) }.filter { $0.hasPrefix("s") }
        let count: ([String]) -> [String: Int] = { names in Dictionary(names.map { ($0, 1) }, uniquingKeysWith: +) }
        let (wire, dropped) = (count(onTheWire), count(books.dropped))
        let left = count(leftovers.compactMap(\.text))
        #expect(books.outcomes.count == 120)
        for (name, result) in books.outcomes {
            let fates = [wire[name] ?? 0, dropped[name] ?? 0, left[name] ?? 0]
            switch result {
            case .success(.sent): #expect(fates == [1, 0, 0], "\(name) was sent")
            case .success(.dropped): #expect(fates == [0, 0, 0], "\(name) was dropped")
            case .success(.queued): #expect(fates.reduce(0, +) == 1, "\(name) was queued: \(fates)")
            case .failure: #expect(fates == [0, 0, 0], "\(name) was refused")
            }
        }
        for sender in 0..<3 {
            let numbers = onTheWire.filter { $0.hasPrefix("s\(sender) ") }.compactMap { Int($0.dropFirst(3)) }
            #expect(numbers == numbers.sorted(), "sender \(sender) out of order")
        }
        #expect(books.handled == Array(Set(books.handled)).sorted(), "received out of order, or twice")
        let ends = fixture.events.all.filter { $0 == "open" || $0.hasPrefix("closed") }
        let alternate = ends.enumerated().allSatisfy { ($1 == "open") == $0.isMultiple(of: 2) }
        #expect(alternate && ends.count.isMultiple(of: 2), "each connection opens, then ends, before the next: \(ends)")
        #expect(books.handled.count <= books.delivered)
    }

    private var missing: Int { books.withLock { $0.delivered - $0.handled.count } }

    /// Only what the service discarded with a connection it closed itself, left unread in one that ended while it was paused
    /// or stopped, or did not show after its stop, may be missing. A reader that was caught with messages in hand while the
    /// clock jumped over the stop's deadline counts them late.
    private var accountedFor: Int {
        fixture.transport.connections.reduce(0) { $0 + $1.discardedCount + $1.unreadCount }
            + fixture.service.dispatcher.undeliveredCount
    }
}
