internal import Synchronization
internal import Foundation
internal import LibWebSockets

extension WebSocketTask {
    /// Sends a message, in the order of the calls. Before the connection is open it waits for that; with `reconnects`, a message
    /// counts as sent once the queue has it.
    ///
    /// - Throws: A `URLError` when the message will not be sent.
    public func send(_ message: Message) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            hand(message) { error in
                if let error { continuation.resume(throwing: error) } else { continuation.resume() }
            }
        }
    }

    /// Sends a message; as ``send(_:)``. The handler is called on the delegate's queue.
    public func send(_ message: Message, completionHandler: @escaping @Sendable ((any Error)?) -> Void) {
        hand(message) { [delegateQueue] error in delegateQueue.addOperation { completionHandler(error) } }
    }

    private func hand(_ message: Message, _ completion: @escaping @Sendable ((any Error)?) -> Void) {
        let (content, count) =
            switch message {
            case .data(let data): (WebSocketMessage.binary(data), data.count)
            case .string(let text): (WebSocketMessage.text(text), text.utf8.count)
            }
        pump.send(content) { error in
            guard let error else {
                self.fields.withLock { $0.countOfBytesSent += Int64(count) }
                return completion(nil)
            }
            completion(self.shown(error))
        }
    }

    /// The next message. Calls get messages in the order of the calls.
    ///
    /// - Throws: A `URLError` when the connection has ended and all of its messages were received; `CancellationError` when the
    ///   Swift task is cancelled, which loses nothing.
    public func receive() async throws -> Message {
        let call = Lock<UInt64?>(nil)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let id = inbox.take { continuation.resume(with: $0) }
                call.withLock { $0 = id }
                if Task.isCancelled, let id { inbox.cancel(id) }
            }
        } onCancel: {
            if let id = call.withLock({ $0 }) { inbox.cancel(id) }
        }
    }

    /// Calls a handler with the next message, on the delegate's queue; as ``receive()``.
    public func receive(completionHandler: @escaping @Sendable (Result<Message, any Error>) -> Void) {
        inbox.take { [delegateQueue] result in delegateQueue.addOperation { completionHandler(result) } }
    }

    /// Sends a ping and waits for its pong.
    public func sendPing() async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            ping { error in
                if let error { continuation.resume(throwing: error) } else { continuation.resume() }
            }
        }
    }

    /// Sends a ping, once the connection is open, and calls a handler when its pong has come, or cannot come any more.
    public func sendPing(pongReceiveHandler: @escaping @Sendable ((any Error)?) -> Void) {
        ping { [delegateQueue] error in delegateQueue.addOperation { pongReceiveHandler(error) } }
    }

    private func ping(_ handler: @escaping PongHandler) {
        let (socket, isOver) = fields.withLock { fields -> (LibWebSockets.WebSocket?, Bool) in
            if fields.isOpen, let socket = fields.socket?.current { return (socket, false) }
            guard fields.state == .running || fields.state == .suspended else { return (nil, true) }
            fields.pings.append(handler)
            return (nil, false)
        }
        if isOver { return handler(shown(URLError(.networkConnectionLost))) }
        if let socket { send(handler, over: socket) }
    }

    func send(_ handler: @escaping PongHandler, over socket: LibWebSockets.WebSocket) {
        Task.detached {
            do {
                _ = try await socket.ping()
                handler(nil)
            } catch {
                handler(self.shown(error))
            }
        }
    }

    /// Returns the error for a call that failed because the connection has ended: the reason of the end, where it is known.
    func shown(_ error: any Error) -> any Error {
        if let ended = fields.withLock(\.error) { return ended }
        if error is URLError { return error }
        if fields.withLock(\.cancellation) != nil { return URLError(.cancelled) }
        return URLError(fields.withLock(\.failure) ?? error, url: originalRequest?.url)
    }
}
