import Synchronization
import WebSocketTesting

@testable import WebSocketService

/// The handlers of a schedule's app, which do anything that an app may do in a handler.
final class ScheduleHandlers: Sendable {
    private struct Failure: Error {}

    // The handlers hold the schedule and so the service: stopping must break that circle.
    private let schedule: Schedule
    private let generator: Lock<SeededGenerator>

    private var service: SocketService { schedule.service }
    private var books: ScheduleBooks { schedule.books }

    init(_ schedule: Schedule) {
        self.schedule = schedule
        generator = Lock(SeededGenerator(seed: schedule.seed &* 47))
    }

    func register() {
        service.onMessage { [self] message in books.handled(message) }
        for route in ["n", "loop"] {
            service.register(route) { [self] _ in try await handle("a handler of \(route)") }
        }
        service.onOpen { [self] _ in
            books.opened()
            try await handle("an onOpen handler")
        }
        service.onClose { [self] _ in
            books.closed()
            try await handle("an onClose handler")
        }
        service.onError { [self] _ in _ = service.statistics }
        service.onUnhandled { [self] _, _ in _ = service.state }
        service.onDropped { [self] message, _ in books.dropped(message) }
    }

    private func handle(_ name: String) async throws {
        books.handlerBegins(name)
        defer { books.handlerEnds(name) }
        guard !books.isCalm else { return }
        try await misbehave(name)
    }

    private func draw(_ range: Range<Int>) -> Int {
        generator.withLock { Int.random(in: range, using: &$0) }
    }

    private func misbehave(_ name: String) async throws {
        switch draw(0..<60) {
        case 0..<10: for _ in 0..<draw(1..<6) { await Task.yield() }
        case 10..<22: await send(1, name)
        case 22..<28: await send(draw(2..<12), name)
        case 28..<34:
            let (correlated, survives, timeout) = (draw(0..<4) > 0, draw(0..<2) == 0, draw(100..<4_000))
            await books.request(
                over: service, correlated: correlated, timeout: .milliseconds(timeout), survives: survives)
        case 34..<37: throw Failure()
        case 37..<41: try await schedule.clock.sleep(for: .milliseconds(draw(1..<900)))
        case 41: service.register("sometimes") { _ in }
        case 42: service.unregister("sometimes")
        case 43: service.reconnectNow()
        case 44:
            await call("pause() in \(name)") { await $0.pause() }
            service.resume()
        case 45: try await startTask(name)
        case 46 where draw(0..<4) == 0: await schedule.gate.pass()
        case 47 where draw(0..<4) == 0: try await schedule.clock.sleep(for: .seconds(60))
        case 48 where draw(0..<4) == 0:
            await call("shutDown() in \(name)") { [books] service in await books.stop { await service.shutDown() } }
        case 49 where draw(0..<4) == 0:
            await call("stop() in \(name)") { [books] service in await books.stop { await service.stop() } }
        case 50:
            // It throws once the service has stopped, or gave up.
            await call("start() in \(name)") { _ = try? await $0.start(waitingForOpen: true) }
        case 51, 52:
            async let first: Void = send(1, name)
            async let second: Void = send(draw(1..<4), name)
            _ = await (first, second)
        case 53: try await sleepCuriously()
        default: break
        }
    }

    /// Asks the service for anything when it is cancelled.
    private func sleepCuriously() async throws {
        try await withTaskCancellationHandler {
            try await schedule.clock.sleep(for: .seconds(20))
        } onCancel: {
            _ = (service.state, service.statistics)
            service.unregister("nobody")
        }
    }

    private func send(_ count: Int, _ name: String) async {
        let sender = books.makeSender()
        for number in 0..<count {
            let delivery = generator.withLock { ScheduleApp.delivery(&$0) }
            await call("send() in \(name)") { [books] in
                await books.send("s\(sender) \(number)", delivery, over: $0)
            }
        }
    }

    /// Starts a task that inherits what a handler's task has, and does not wait for it.
    private func startTask(_ name: String) async throws {
        let (kind, books) = (draw(0..<6), books)
        let sender = books.makeSender()
        Task { [service] in
            let id = books.begin("a task that \(name) started")
            switch kind {
            case 0: await books.stop { await service.stop() }
            case 1: await service.pause()
            case 2: service.resume()
            default: await books.send("s\(sender) 0", .queued, over: service)
            }
            books.end(id)
        }
    }

    private func call(_ name: String, _ body: (SocketService) async -> Void) async {
        let id = books.begin(name)
        await body(service)
        books.end(id)
    }
}
