import Synchronization
import WebSocketTesting

@testable import WebSocketService

/// A service that closures of its own may look at without keeping it.
final class WeakReference: Sendable {
    private struct Box { weak var service: SocketService? }
    private let box = Lock(Box())

    var service: SocketService? { box.withLock(\.service) }
    func set(_ service: SocketService) { box.withLock { $0.service = service } }
}

/// Lets everybody through once it is open.
final class Gate: Sendable {
    private enum State {
        case closed([CheckedContinuation<Void, Never>])
        case open
    }

    private let state = Lock(State.closed([]))

    /// Waits until it is open, cancelled or not.
    func pass() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                guard case .closed(let waiters) = state else { return true }
                state = .closed(waiters + [continuation])
                return false
            }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiters = state.withLock { state in
            guard case .closed(let waiters) = state else { return [CheckedContinuation<Void, Never>]() }
            state = .open
            return waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}

/// The app's closures beside the handlers: slow, failing or hanging.
final class ScheduleClosures: Sendable {
    private struct Failure: Error {}
    private let generator: Lock<SeededGenerator>
    private let gate: Gate
    private let clock: ManualClock
    private let books: ScheduleBooks

    init(seed: UInt64, gate: Gate, clock: ManualClock, books: ScheduleBooks) {
        generator = Lock(SeededGenerator(seed: seed &* 43))
        self.gate = gate
        self.clock = clock
        self.books = books
    }

    func request() async throws -> ConnectRequest {
        try await misbehave()
        return ConnectRequest(url: "wss://closure.example.com/")
    }

    func beat() async throws -> WebSocketMessage {
        try await misbehave()
        return .text("made beat")
    }

    private func misbehave() async throws {
        guard !books.isCalm else { return }
        switch generator.withLock({ Int.random(in: 0..<12, using: &$0) }) {
        case 0: throw Failure()
        case 1: try await clock.sleep(for: .milliseconds(700))
        case 2: await gate.pass()
        case 3: try await clock.sleep(for: .seconds(60))
        default: break
        }
    }
}
