import Synchronization
import WebSocketTesting

@testable import WebSocketService

/// A record of what happened in a schedule, and the rules that it may not break.
final class ScheduleBooks: Sendable {
    private struct Delivery {
        let number: Int
        let connection: Int
    }

    private struct State {
        var problems: [String] = []
        var isCalm = false
        var wasStopped = false
        // Calls of the app's.
        var lastCall = 0
        var calls: [Int: (name: String, endsWithService: Bool)] = [:]
        // Messages out.
        var senders = 0
        var outcomes: [String: Result<SendOutcome, any Error>] = [:]
        var dropped: [String] = []
        var unsent: [String] = []
        // Requests.
        var requests = 0
        var answered: Set<String> = []
        // Messages in.
        var deliveries = 0
        var handled: [Delivery] = []
        var unseen = 0
        // The order of the handlers' world.
        var running: String?
        var isOpen = false
        var connection: Int?
        // Events.
        var ends: [String] = []
        var eventsAreOver = false
    }

    private let state = Lock(State())

    var problems: [String] { state.withLock(\.problems) }
    /// Everybody behaves.
    var isCalm: Bool { state.withLock(\.isCalm) }
    /// A call was made that ends the service.
    var wasStopped: Bool { state.withLock(\.wasStopped) }

    func report(_ problem: String) {
        state.withLock { $0.problems.append(problem) }
    }

    func calmDown() {
        state.withLock { $0.isCalm = true }
    }

    // MARK: Calls

    func begin(_ name: String, endsWithService: Bool = false) -> Int {
        state.withLock { state in
            state.lastCall += 1
            state.calls[state.lastCall] = (name, endsWithService)
            return state.lastCall
        }
    }

    func end(_ call: Int) {
        state.withLock { state in
            if state.calls.removeValue(forKey: call) == nil { state.problems.append("call \(call) ended twice") }
        }
    }

    func isUnderWay(_ call: Int) -> Bool {
        state.withLock { $0.calls[call] != nil }
    }

    func callsUnderWay(endingWithService: Bool) -> [String] {
        state.withLock { $0.calls.values.filter { endingWithService || !$0.endsWithService }.map(\.name).sorted() }
    }

    // MARK: Messages out

    func makeSender() -> Int {
        state.withLock { state in
            state.senders += 1
            return state.senders
        }
    }

    func send(_ name: String, _ delivery: WebSocketService.Delivery, over service: SocketService) async {
        let call = begin("send of \(name)")
        let result: Result<SendOutcome, any Error>
        do {
            result = .success(try await service.send(name, delivery: delivery))
        } catch {
            result = .failure(error)
        }
        end(call)
        state.withLock { $0.outcomes[name] = result }
    }

    func wasSent(_ name: String) -> Bool {
        state.withLock { state in
            guard case .success(.sent)? = state.outcomes[name] else { return false }
            return true
        }
    }

    func dropped(_ message: WebSocketMessage) {
        state.withLock { $0.dropped.append(message.text ?? "") }
    }

    /// Makes a call that ends the service.
    func stop(_ call: () async -> [WebSocketMessage]) async {
        // A service that is being stopped calls no handler but onClose.
        state.withLock { $0.wasStopped = true }
        let unsent = await call()
        state.withLock { $0.unsent += unsent.compactMap(\.text) }
    }

    // MARK: Requests

    func request(over service: SocketService, correlated: Bool, timeout: Duration, survives: Bool) async {
        let id = state.withLock { state -> String in
            state.requests += 1
            return "r\(state.requests)"
        }
        let call = begin("request \(id)")
        let message = correlated ? #"{"socketType":"q","id":"\#(id)"}"# : #"{"socketType":"q"}"#
        do {
            let reply = try await service.request(
                message: .text(message), reply: "reply", correlated: correlated, timeout: timeout,
                survivesReconnect: survives)
            if correlated, reply.text != #"{"socketType":"reply","id":"\#(id)"}"# {
                report("\(id) was answered by \(reply)")
            }
        } catch {
            if !(error is SocketServiceError || error is CancellationError || "\(error)" == "Refusal()") {
                report("\(id) failed with \(error)")
            }
        }
        end(call)
    }

    /// - Returns: `true` when it was not answered before.
    func answer(_ id: String) -> Bool {
        state.withLock { $0.answered.insert(id).inserted }
    }

    // MARK: Messages in

    func makeDelivery(route: String, connection: Int) -> String {
        state.withLock { state in
            state.deliveries += 1
            return #"{"socketType":"\#(route)","x":"\#(state.deliveries)@\#(connection)"}"#
        }
    }

    /// These did not arrive after all: the last ones that were made.
    func takeBack(deliveries count: Int) {
        state.withLock { $0.deliveries -= count }
    }

    func handled(_ message: WebSocketMessage) {
        let parts = message.text?.split(separator: "\"x\":\"").last?.prefix { $0 != "\"" }.split(separator: "@") ?? []
        guard parts.count == 2, let number = Int(parts[0]), let connection = Int(parts[1]) else { return }
        state.withLock { state in
            state.handled.append(Delivery(number: number, connection: connection))
            if !state.isOpen { state.problems.append("message \(number) came outside of onOpen and onClose") }
            if let current = state.connection, current != connection {
                state.problems.append("message \(number) of connection \(connection) came among those of \(current)")
            }
            state.connection = connection
        }
    }

    // MARK: Order of the handlers

    func handlerBegins(_ name: String) {
        state.withLock { state in
            if let running = state.running { state.problems.append("\(name) ran beside \(running)") }
            state.running = name
        }
    }

    func handlerEnds(_ name: String) {
        state.withLock { $0.running = nil }
    }

    func opened() {
        state.withLock { state in
            if state.isOpen { state.problems.append("onOpen came before the onClose of the last connection") }
            state.isOpen = true
            state.connection = nil
        }
    }

    func closed() {
        state.withLock { state in
            if !state.isOpen, !state.wasStopped { state.problems.append("onClose came without onOpen") }
            state.isOpen = false
        }
    }

    // MARK: Events

    func note(_ event: SocketEvent) {
        state.withLock { state in
            switch event {
            case .open: state.ends.append("open")
            case .closed: state.ends.append("closed")
            case .stopped(let unseen): state.unseen += unseen
            default: break
            }
            if state.eventsAreOver { state.problems.append("an event came after the last one") }
        }
    }

    func eventsEnded() {
        state.withLock { $0.eventsAreOver = true }
    }

    // MARK: The audit

    func audit(_ schedule: Schedule) {
        let state = state.withLock { $0 }
        let connections = schedule.transport.connections
        for call in state.calls.values { report("\(call.name) never ended") }
        if !state.eventsAreOver { report("the events never ended") }
        let alternate = state.ends.enumerated().allSatisfy { ($1 == "open") == $0.isMultiple(of: 2) }
        if !alternate || !state.ends.count.isMultiple(of: 2) { report("opened and closed out of turn: \(state.ends)") }
        auditOutcomes(state, sent: connections.flatMap { $0.sent.compactMap(\.text) })
        let numbers = state.handled.map(\.number)
        if numbers != Array(Set(numbers)).sorted() { report("messages were handled out of order or twice: \(numbers)") }
        // The event counts what was read by the deadline: virtual time can let that pass before a reader's task has run once.
        let unseen = schedule.service.dispatcher.unseenCount
        if state.unseen > unseen { report("the last event told of \(state.unseen) unseen messages of \(unseen)") }
        let accountedFor = connections.reduce(unseen) { $0 + $1.unseenCount + $1.unreadCount }
        if state.deliveries - numbers.count > accountedFor {
            report("\(state.deliveries) messages came, \(numbers.count) were handled, \(accountedFor) accounted for")
        }
        if schedule.service.statistics.queuedMessages != 0 { report("the queue of a stopped service is not empty") }
        if schedule.clock.sleeperCount != 0 { report("\(schedule.clock.sleeperCount) tasks still sleep") }
    }

    private func auditOutcomes(_ state: State, sent: [String]) {
        func count(_ names: [String]) -> [String: Int] { Dictionary(names.map { ($0, 1) }, uniquingKeysWith: +) }
        let (wire, dropped, left) = (count(sent), count(state.dropped), count(state.unsent))
        for (name, result) in state.outcomes {
            let fates = [wire[name] ?? 0, dropped[name] ?? 0, left[name] ?? 0]
            let isRight =
                switch result {
                case .success(.sent): fates == [1, 0, 0]
                case .success(.queued): fates.reduce(0, +) == 1
                case .success(.dropped), .failure: fates == [0, 0, 0]
                }
            if !isRight { report("\(name) (sent, dropped, left): \(fates), but send said \(result)") }
        }
        for sender in 0...state.senders {
            let numbers = sent.filter { $0.hasPrefix("s\(sender) ") }.compactMap { Int($0.split(separator: " ")[1]) }
            if numbers != numbers.sorted() { report("messages of sender \(sender) went out as \(numbers)") }
        }
    }
}
