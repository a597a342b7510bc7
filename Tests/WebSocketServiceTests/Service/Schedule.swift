import Synchronization
import TestSupport
import HTTPTypes

@testable import WebSocketService
@testable import WebSocketTesting

/// One schedule: a service, an app that uses all of it and a peer that misbehaves, all decided by a seed.
///
/// Everything runs on the calling thread, by ``SeededExecutor``.
final class Schedule: Sendable {
    let seed: UInt64
    let clock = ManualClock()
    let transport = ScriptedTransport()
    let books: ScheduleBooks
    let service: SocketService
    /// Holds up closures and handlers that ignore cancellation.
    let gate = Gate()
    private let tasks = Lock<[Task<Void, Never>]>([])

    /// Runs a schedule to its end.
    ///
    /// - Returns: The faults that were found.
    static func run(seed: UInt64) -> [String] {
        let executor = SeededExecutor.shared
        executor.reseed(seed &* 0x9E37_79B9_7F4A_7C15)
        var witnesses: [@Sendable () -> String?] = []
        let books = ScheduleBooks()
        do {
            let schedule = Schedule(seed: seed, books: books)
            schedule.play()
            witnesses = schedule.witnesses
        }
        // Tasks let go of what they hold as they end.
        if !executor.settle() { books.report("something turns in circles after the end") }
        return books.problems + witnesses.compactMap { $0() }
    }

    private init(seed: UInt64, books: ScheduleBooks) {
        self.seed = seed
        self.books = books
        var generator = SeededGenerator(seed: seed)
        var options = SocketService.Options(
            inboxLimit: [1, 3, 20, 1_000].randomElement(using: &generator)!,
            inboxByteLimit: [1, 500, 5_000, 1 << 20].randomElement(using: &generator)!,
            attemptTimeout: .seconds(Int.random(in: 1...5, using: &generator)),
            eventBufferLimit: .max, clock: clock, generator: SeededGenerator(seed: seed &+ 1), logger: .silent)
        options.name = "schedule \(seed)"
        let queue = QueuePolicy(
            limit: Int.random(in: 0...30, using: &generator),
            byteLimit: Int.random(in: 100...5_000, using: &generator),
            overflow: .allCases.randomElement(using: &generator)!,
            timeToLive: Bool.random(using: &generator) ? .seconds(4) : nil)
        var reconnect: ReconnectPolicy =
            [.exponential(), .fixed(.seconds(1)), .linear(step: .milliseconds(200))].randomElement(using: &generator)!
        let gate = gate
        let closures = ScheduleClosures(seed: seed, gate: gate, clock: clock, books: books)
        let heartbeat: HeartbeatPolicy =
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: .off
            case 1: .ping(every: .seconds(2), timeout: .seconds(1))
            case 2: .message(.text("beat"), every: .seconds(3), beatsOnOpen: true)
            default: .message(every: .seconds(2), timeout: .seconds(2)) { try await closures.beat() }
            }
        let reference = WeakReference()
        reconnect.overrule = { _, decision in
            // Closures of the app may look at the service whenever they are called.
            _ = reference.service?.statistics
            _ = reference.service?.state
            return decision
        }
        switch Int.random(in: 0..<3, using: &generator) {
        case 0:
            service = SocketService(
                transport: transport, reconnect: reconnect, heartbeat: heartbeat, queue: queue, options: options
            ) { _ in try await closures.request() }
        case 1:
            service = SocketService(
                urls: ["wss://a.example.com/", "wss://b.example.com/", "wss://c.example.com/"], transport: transport,
                reconnect: reconnect, heartbeat: heartbeat, queue: queue, options: options)
        default:
            service = SocketService(
                "wss://a.example.com/", transport: transport, reconnect: reconnect, heartbeat: heartbeat, queue: queue,
                options: options)
        }
        reference.set(service)
    }

    private var witnesses: [@Sendable () -> String?] {
        func witness(_ object: some AnyObject & Sendable, _ name: String) -> @Sendable () -> String? {
            { [weak object] in object == nil ? nil : "\(name) is still alive" }
        }
        return [witness(service, "the service"), witness(transport, "the transport"), witness(self, "the schedule")]
            + transport.connections.enumerated().map { witness($1.client, "connection \($0)") }
    }

    // MARK: The course of things

    private func play() {
        let executor = SeededExecutor.shared
        let events = service.events
        start { [books] in
            for await event in events { books.note(event) }
            books.eventsEnded()
        }
        ScheduleHandlers(self).register()
        start { [service, books] in
            do {
                try await service.start()
            } catch {
                // It may be late.
                if !books.wasStopped { books.report("start threw \(error)") }
            }
        }
        var generator = SeededGenerator(seed: seed &* 41)
        let app = ScheduleApp(self)
        for _ in 0..<Int.random(in: 40...160, using: &generator) {
            executor.run(Int.random(in: 0...25, using: &generator))
            switch Int.random(in: 0..<10, using: &generator) {
            case 0...3: app.act(&generator)
            case 4...7: misbehave(&generator)
            default: clock.advance(by: .milliseconds(Int.random(in: 1...1_500, using: &generator)))
            }
        }
        if isStubborn { meetStubbornPeer(&generator) }
        recover()
        end(&generator)
    }

    /// Some peers take nothing before all that they have sent was read.
    private var isStubborn: Bool { seed.isMultiple(of: 2) }

    /// The next connection takes nothing of a queue that is full, and brings more than the inbox takes.
    private func meetStubbornPeer(_ generator: inout SeededGenerator) {
        transport.connections.last?.abort()
        let (executor, app) = (SeededExecutor.shared, ScheduleApp(self))
        for _ in 0..<8 { app.sendInSequence(8, &generator) }
        executor.run(200)
        service.resume()
        service.reconnectNow()
        for round in 0..<400 {
            executor.step()
            transport.connections.last?.holdSends()
            if round % 40 == 39 { deliver(Int.random(in: 1...6, using: &generator), &generator) }
        }
    }

    /// Lets everybody behave, and expects that the service then does what it is for, and that no call waits any more: before
    /// it is stopped, which would free them.
    private func recover() {
        books.calmDown()
        gate.open()
        service.resume()
        service.reconnectNow()
        let until = clock.now.advanced(by: .seconds(400))
        defer { for peer in transport.connections { peer.releaseSends() } }
        while true {
            guard SeededExecutor.shared.settle() else { return books.report("something turns in circles") }
            for peer in transport.connections {
                peer.rejectSends(with: nil)
                if !isStubborn || peer.unreadCount == 0 { peer.releaseSends() }
                peer.answerPings(after: .milliseconds(1))
                peer.answerClose(true)
            }
            // Anything that arrives answers a heartbeat that is a message.
            transport.connections.last?.deliver("{}")
            if service.state == .closed { service.reconnectNow() }
            if service.state == .idle { service.resume() }
            guard SeededExecutor.shared.settle() else { return books.report("something turns in circles") }
            guard let deadline = clock.nextDeadline, deadline < until else { break }
            clock.advance(to: deadline)
        }
        for call in books.callsUnderWay(endingWithService: false) { books.report("\(call) still waits") }
        guard !books.wasStopped else { return }
        guard service.state == .open else { return books.report("the state is \(service.state), though all is well") }
        let call = books.begin("a send when all is well")
        start { [books, service] in
            await books.send("last 0", .volatile, over: service)
            books.end(call)
        }
        _ = SeededExecutor.shared.settle()
        if books.isUnderWay(call) { books.report("a send waits, though all is well") }
        if !books.wasSent("last 0") { books.report("a volatile message was not sent, though all is well") }
    }

    /// Stops the service, lets time pass until nothing is left to happen, and looks at the books.
    private func end(_ generator: inout SeededGenerator) {
        let stopping = books.begin("the last stop")
        let gracefully = Bool.random(using: &generator)
        start { [service, books] in
            await books.stop { gracefully ? await service.shutDown() : await service.stop() }
            books.end(stopping)
        }
        letTimePass()
        if books.isUnderWay(stopping) { books.report("stop() waits for ever") }
        for task in tasks.withLock({ $0 }) { task.cancel() }
        letTimePass()
        books.audit(self)
        tasks.withLock { $0 = [] }
    }

    private func letTimePass() {
        for _ in 0..<10_000 {
            guard SeededExecutor.shared.settle() else { return books.report("something turns in circles") }
            guard let deadline = clock.nextDeadline else { return }
            clock.advance(to: deadline)
        }
        books.report("there is always something that waits for a time to come")
    }

    /// Starts a task of the app's.
    func start(_ body: @escaping @Sendable () async -> Void) {
        // Detached: a task of a handler's, by whatever task-locals it inherits, is tried elsewhere.
        let task = Task.detached { await body() }
        tasks.withLock { $0.append(task) }
    }

    // MARK: The peer

    private func misbehave(_ generator: inout SeededGenerator) {
        let peer = transport.connections.last
        switch Int.random(in: 0..<18, using: &generator) {
        case 0, 1: peer?.abort()
        case 2:
            let codes: [CloseCode] = [.serviceRestart, .goingAway, .normalClosure, .internalError]
            peer?.close(code: codes.randomElement(using: &generator)!)
        case 3: transport.append(.connectionRefused)
        case 4: transport.append(.refuse(.serviceUnavailable, retryAfter: .seconds(1)), .hang)
        case 5: transport.append(.refuse(.tooManyRequests))
        case 6: peer?.holdSends()
        case 7, 8: peer?.releaseSends()
        case 9: peer?.answerPings(after: Bool.random(using: &generator) ? .milliseconds(3) : nil)
        case 10: peer?.answerClose(Bool.random(using: &generator))
        case 11: peer?.rejectSends(with: Bool.random(using: &generator) ? Refusal() : nil)
        case 12, 13: answer(&generator, from: peer)
        default: deliver(Int.random(in: 1...12, using: &generator), &generator)
        }
    }

    private struct Refusal: Error {}

    private func deliver(_ count: Int, _ generator: inout SeededGenerator) {
        let connections = transport.connections
        guard let peer = connections.last else { return }
        let routes = ["n", "n", "n", "loop", "sometimes", "nobody"]
        let messages = (0..<count).map { _ in
            books.makeDelivery(route: routes.randomElement(using: &generator)!, connection: connections.count - 1)
        }
        if !peer.deliver(messages.map { .text($0) }) { books.takeBack(deliveries: count) }
    }

    /// Answers requests, some of them wrongly.
    private func answer(_ generator: inout SeededGenerator, from peer: ScriptedConnection?) {
        guard let peer else { return }
        for message in peer.sent {
            guard let id = JSONRouter().correlationID(of: message) else { continue }
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: peer.deliver(#"{"socketType":"other","id":"\#(id)","method":"own request"}"#)
            case 1: peer.deliver(#"{"socketType":"reply","id":null}"#)
            case 2, 3: if books.answer(id) { peer.deliver(#"{"socketType":"reply","id":"\#(id)"}"#) }
            default: break
            }
        }
    }
}
