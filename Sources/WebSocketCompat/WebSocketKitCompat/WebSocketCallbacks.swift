internal import Synchronization
internal import LibWebSockets

/// The handlers of one connection, and when messages may come to them.
///
/// A message must not come before its handler: `onUpgrade` sets it, and may take as long as the connection lasts. So a message
/// without a handler waits until `onUpgrade` has returned, or has set another handler and had time to set this one. Not for ever:
/// behind it stand the pongs and the end of the connection, for which `onUpgrade` may wait.
final class WebSocketCallbacks: Sendable {
    typealias Handler<Input> = @Sendable (WebSocket, Input) async -> Void

    private struct State: Sendable {
        var text: Handler<String>?
        var binary: Handler<ByteBuffer>?
        var ping: Handler<ByteBuffer>?
        var pong: Handler<ByteBuffer>?
        var isUpgraded = false
        var hasConnectionEnded = false
        var hasEnded = false
        /// The time at which the first handler of messages was set.
        var firstSet: ContinuousClock.Instant?
        /// The time at which the first message came that had none.
        var firstMissed: ContinuousClock.Instant?
        var waiter: CheckedContinuation<Void, Never>?
        var handledCount = 0
        /// Counts the changes, so that none is missed between a look and a wait.
        var version = 0
    }

    private let state = Lock(State())
    /// The time after the first handler in which another may be set without losing a message.
    private static let grace = Duration.milliseconds(200)
    /// The time that the first message waits for any handler at all; the original drops it at once.
    private static let patience = Duration.seconds(5)

    var handledCount: Int { state.withLock(\.handledCount) }
    var hasEnded: Bool { state.withLock(\.hasEnded) }

    func onText(_ handler: @escaping Handler<String>) { change { $0.text = handler } }
    func onBinary(_ handler: @escaping Handler<ByteBuffer>) { change { $0.binary = handler } }
    func onPing(_ handler: @escaping Handler<ByteBuffer>) { change(isForMessages: false) { $0.ping = handler } }
    func onPong(_ handler: @escaping Handler<ByteBuffer>) { change(isForMessages: false) { $0.pong = handler } }

    /// `onUpgrade` has returned.
    func upgraded() { change(isForMessages: false) { $0.isUpgraded = true } }

    /// No handler is waited for any more.
    func connectionHasEnded() { change(isForMessages: false) { $0.hasConnectionEnded = true } }

    /// Lets the handlers go.
    func end() {
        change(isForMessages: false) { state in
            state = State(waiter: state.waiter, handledCount: state.handledCount, version: state.version)
            (state.isUpgraded, state.hasConnectionEnded, state.hasEnded) = (true, true, true)
        }
    }

    private func change(isForMessages: Bool = true, _ change: @Sendable (inout State) -> Void) {
        // The replaced handler may hold anything, and goes when the lock is free.
        let (previous, waiter) = state.withLock { state -> (State?, CheckedContinuation<Void, Never>?) in
            guard !state.hasEnded else { return (nil, nil) }
            let previous = state
            change(&state)
            state.version += 1
            if isForMessages, state.firstSet == nil { state.firstSet = .now }
            return (previous, state.waiter.take())
        }
        withExtendedLifetime(previous) {}
        waiter?.resume()
    }

    // MARK: Calling

    func handle(_ message: WebSocketMessage, of socket: WebSocket) async {
        switch message.kind {
        case .text:
            if let text = await handler(\.text) { await text(socket, message.text ?? "") }
        case .binary:
            if let binary = await handler(\.binary) { await binary(socket, ByteBuffer(bytes: message.payload)) }
        }
        state.withLock { $0.handledCount += 1 }
    }

    func handle(_ frame: ControlFrame, of socket: WebSocket) async {
        switch frame {
        case .ping(let payload): await state.withLock(\.ping)?(socket, ByteBuffer(bytes: payload))
        case .pong(let payload): await state.withLock(\.pong)?(socket, ByteBuffer(bytes: payload))
        }
    }

    private enum Next<Input> {
        case call(Handler<Input>)
        case none
        case wait(until: ContinuousClock.Instant?, after: Int)
    }

    /// The handler of a kind, once it is there; `nil` when none is to be expected.
    private func handler<Input>(
        _ kind: any KeyPath<State, Handler<Input>?> & Sendable
    ) async -> Handler<Input>? {
        while true {
            switch next(kind) {
            case .call(let handler): return handler
            case .none: return nil
            case .wait(let deadline, let version): await change(after: version, before: deadline)
            }
        }
    }

    private func next<Input>(_ kind: any KeyPath<State, Handler<Input>?> & Sendable) -> Next<Input> {
        state.withLock { state in
            if let handler = state[keyPath: kind] { return .call(handler) }
            if state.isUpgraded || state.hasConnectionEnded { return .none }
            let firstMissed = state.firstMissed ?? .now
            state.firstMissed = firstMissed
            let deadline = min(
                firstMissed.advanced(by: Self.patience),
                state.firstSet?.advanced(by: Self.grace) ?? firstMissed.advanced(by: Self.patience))
            if deadline <= .now { return .none }
            return .wait(until: deadline, after: state.version)
        }
    }

    /// Waits for a change after that one, or until a deadline.
    private func change(after version: Int, before deadline: ContinuousClock.Instant?) async {
        let alarm = deadline.map { deadline in
            Task {
                try await Task.sleep(until: deadline, clock: .continuous)
                self.state.withLock { $0.waiter.take() }?.resume()
            }
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let goesOn = state.withLock { state in
                    if Task.isCancelled || state.version != version { return true }
                    if let deadline, deadline <= .now { return true }
                    state.waiter = continuation
                    return false
                }
                if goesOn { continuation.resume() }
            }
        } onCancel: {
            // The socket was closed by its owner.
            connectionHasEnded()
        }
        alarm?.cancel()
    }
}
