import Synchronization
import WebSocketService
import WebSocketTesting

/// An app's use of one service: handlers that send, ask, wait and fail, and tasks beside them.
final class Client: Sendable {
    let service: SocketService
    let number: Int
    private let server: StormyServer
    private let ledger: Ledger
    private let counter: Counter
    private let generator: Mutex<SeededGenerator>
    private let delays: Delays
    private let isOver = Atomic<Bool>(false)
    private let ended = Atomic<Bool>(false)
    /// The return of the server whose delay was noted.
    private let countedReturn = Mutex<ContinuousClock.Instant?>(nil)

    /// Numbers that nobody else gets.
    final class Counter: Sendable {
        private let last = Atomic<Int>(0)
        func next() -> Int { last.wrappingAdd(1, ordering: .relaxed).newValue }
    }

    /// The time from the server's return until a service was open.
    final class Delays: Sendable {
        private let all = Mutex<[Duration]>([])
        func add(_ delay: Duration) { all.withLock { $0.append(delay) } }
        var sorted: [Duration] { all.withLock { $0.sorted() } }
    }

    init(_ number: Int, server: StormyServer, ledger: Ledger, counter: Counter, delays: Delays, seed: UInt64) {
        (self.number, self.server, self.ledger, self.counter, self.delays) = (number, server, ledger, counter, delays)
        let generator = SeededGenerator(seed: seed)
        self.generator = Mutex(generator)
        var options = SocketService.Options(name: "soak", inboxLimit: 50, inboxByteLimit: 64 << 10)
        options.attemptTimeout = .seconds(2)
        options.closeTimeout = .seconds(2)
        options.logger.logLevel = .critical
        let overflow = QueuePolicy.Overflow.allCases[number % QueuePolicy.Overflow.allCases.count]
        let tokens = Mutex((generator: generator, cached: server.token))
        let url = server.server.url
        service = SocketService(
            transport: LedgerTransport(
                base: WebSocketTransport(configuration: server.server.clientConfiguration), ledger: ledger),
            // Persistent, because a service that a 401 or 1008 ended for good would miss the rest of the storm.
            reconnect: ReconnectPolicy(
                schedule: .exponential(
                    initial: .milliseconds(20), multiplier: 2, maximum: .milliseconds(500), jitter: .full),
                isPersistent: true),
            heartbeat: .ping(every: .milliseconds(400), timeout: .milliseconds(800)),
            queue: QueuePolicy(limit: 30, overflow: overflow), options: options
        ) { _ in
            // A token that takes its time, does not come at all, cannot be had, or is one that has expired meanwhile.
            let chance = tokens.withLock { Int.random(in: 0..<20, using: &$0.generator) }
            switch chance {
            case 0: try await Task.sleep(for: .seconds(60))
            case 1: throw NoToken()
            case 2...5: try await Task.sleep(for: .milliseconds(30))
            default: break
            }
            let token = tokens.withLock { tokens in
                if chance < 14 { tokens.cached = server.token }
                return tokens.cached
            }
            return ConnectRequest(url: url, headers: [.authorization: "Bearer \(token)"])
        }
        register()
    }

    private struct NoToken: Error {}

    private func register() {
        service.onOpen { [weak self] _ in
            guard let self else { return }
            ledger.opened()
            if let back = server.lastReturn, countedReturn.withLock({ $0 != back }) {
                countedReturn.withLock { $0 = back }
                delays.add(back.duration(to: .now))
            }
            await send(from: 0, .queued)
            await ask()
            if chance(1, in: 10) { throw NoToken() }
        }
        service.register("order") { [weak self] _ in
            guard let self else { return }
            if chance(1, in: 20) { try await Task.sleep(for: .milliseconds(30)) }
            if chance(1, in: 10) { await send(from: 1, .queued) }
            if chance(1, in: 30) { await ask() }
        }
        service.register("news") { [weak self] _ in
            if self?.chance(1, in: 50) == true { try await Task.sleep(for: .milliseconds(5)) }
        }
        service.onClose { [weak self] _ in
            if self?.chance(1, in: 5) == true { await self?.send(from: 2, .queued) }
        }
        service.onDropped { [ledger] message, _ in
            if let number = Order.number(in: message) { ledger.dropped(number) }
        }
    }

    private func chance(_ wins: Int, in total: Int) -> Bool {
        generator.withLock { Int.random(in: 0..<total, using: &$0) < wins }
    }

    /// - Parameter kind: The one of this client's tasks that sends: each has an order of its own.
    private func send(from kind: Int, _ delivery: Delivery) async {
        let number = counter.next()
        do {
            switch try await service.send(Order.text(sender: self.number * 10 + kind, number), delivery: delivery) {
            case .sent: ledger.offered(number, .sent)
            case .queued: ledger.offered(number, .queued)
            case .dropped: ledger.offered(number, .refused)
            }
        } catch {
            ledger.offered(number, .refused)
        }
    }

    private func ask() async {
        // The storm may make it fail; it only has to end.
        _ = try? await service.request(
            message: .text(#"{"socketType":"ask"}"#), reply: "answer", timeout: .seconds(1))
    }

    /// Uses the service until ``finish()``, and then stops it.
    func run() async {
        do {
            try await service.start()
        } catch {
            ledger.failed("service \(number) did not start: \(error)")
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.repeatedly(every: 8) { await self.send(from: 3, .queued) } }
            group.addTask { await self.repeatedly(every: 40) { await self.send(from: 4, .volatile) } }
            group.addTask {
                await self.repeatedly(every: 60) { await self.send(from: 5, .expiring(after: .milliseconds(100))) }
            }
            group.addTask { await self.repeatedly(every: 100) { await self.ask() } }
            group.addTask {
                await self.repeatedly(every: 3_000) {
                    await self.service.pause()
                    self.service.resume()
                }
            }
            group.addTask { await self.repeatedly(every: 1_500) { self.service.reconnectNow() } }
        }
        for message in await service.stop() {
            if let number = Order.number(in: message) { ledger.returned(number) }
        }
        ended.store(true, ordering: .relaxed)
    }

    /// Every call on the service has returned.
    var hasEnded: Bool { ended.load(ordering: .relaxed) }

    func finish() { isOver.store(true, ordering: .relaxed) }

    private func repeatedly(every milliseconds: Int, _ body: @Sendable () async -> Void) async {
        while !isOver.load(ordering: .relaxed) {
            let pause = generator.withLock { Int.random(in: 1...(2 * milliseconds), using: &$0) }
            try? await Task.sleep(for: .milliseconds(pause))
            await body()
        }
    }
}
