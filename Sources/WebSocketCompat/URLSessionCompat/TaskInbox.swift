internal import Synchronization
internal import DequeModule
internal import Foundation
internal import LibWebSockets

/// Messages that wait for `receive`, and calls of `receive` that wait for messages: never both.
///
/// When ``limit`` bytes wait, the next one does not come in before some were taken, and the network waits in the end.
final class TaskInbox: Sendable {
    typealias Receiver = @Sendable (Result<WebSocketTask.Message, any Error>) -> Void

    private struct State: Sendable {
        var messages = Deque<WebSocketTask.Message>()
        var byteCount = 0
        var receivers = Deque<(id: UInt64, receiver: Receiver)>()
        var lastID: UInt64 = 0
        /// The one that waits for room.
        var room: CheckedContinuation<Void, Never>?
        var end: (any Error)?
    }

    private let state = Lock(State())
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    /// Takes a message in, and waits while too many wait. Cancelling the task ends the wait.
    func put(_ message: WebSocketTask.Message) async {
        let (receiver, isFull) = state.withLock { state -> (Receiver?, Bool) in
            guard state.end == nil else { return (nil, false) }
            if let next = state.receivers.popFirst() { return (next.receiver, false) }
            state.messages.append(message)
            state.byteCount += message.memory
            return (nil, state.byteCount >= limit)
        }
        receiver?(.success(message))
        guard isFull else { return }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let goesOn = state.withLock { state in
                    if Task.isCancelled || state.end != nil || state.byteCount < limit { return true }
                    state.room = continuation
                    return false
                }
                if goesOn { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.room.take() }?.resume()
        }
    }

    /// Calls `receiver` with the next message, once there is one.
    ///
    /// - Returns: The ID for ``cancel(_:)``; `nil` when it was called already.
    @discardableResult
    func take(_ receiver: @escaping Receiver) -> UInt64? {
        let (result, id, room) = state.withLock {
            state -> (Result<WebSocketTask.Message, any Error>?, UInt64, CheckedContinuation<Void, Never>?) in
            if let message = state.messages.popFirst() {
                state.byteCount -= message.memory
                return (.success(message), 0, state.byteCount < limit ? state.room.take() : nil)
            }
            if let end = state.end { return (.failure(end), 0, nil) }
            state.lastID += 1
            state.receivers.append((state.lastID, receiver))
            return (nil, state.lastID, nil)
        }
        room?.resume()
        guard let result else { return id }
        receiver(result)
        return nil
    }

    /// Ends one call that waits; a message that was given to it before is its own.
    func cancel(_ id: UInt64) {
        let receiver = state.withLock { state -> Receiver? in
            guard let index = state.receivers.firstIndex(where: { $0.id == id }) else { return nil }
            return state.receivers.remove(at: index).receiver
        }
        receiver?(.failure(CancellationError()))
    }

    /// No more messages come. Those that wait can still be received, unless they are not wanted any more.
    func end(_ error: any Error, discarding: Bool) {
        let (receivers, room) = state.withLock { state in
            if state.end == nil { state.end = error }
            if discarding { (state.messages, state.byteCount) = ([], 0) }
            defer { state.receivers = [] }
            return (state.receivers, state.room.take())
        }
        room?.resume()
        for receiver in receivers { receiver.receiver(.failure(error)) }
    }
}

extension WebSocketTask.Message {
    /// The memory of the payload, with what keeps it.
    fileprivate var memory: Int {
        switch self {
        case .data(let data): data.count + 64
        case .string(let text): text.utf8.count + 64
        }
    }
}
