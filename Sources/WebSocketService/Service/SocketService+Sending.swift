#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

extension SocketService {
    /// Sends a value, encoded by the codec; JSON unless the options say otherwise.
    ///
    /// ``State`` says what happens in which state. Suspends while the connection's outbound queue is above its high-water
    /// mark: that is the back-pressure. A ``Delivery/volatile`` message is dropped instead, and one with a time to live
    /// when that is over.
    ///
    /// - Returns: The state of the message. ``SendOutcome/sent`` means that the connection has taken it; only the peer can
    ///   say whether it has seen it.
    /// - Throws: The codec's error; ``SocketServiceError`` with the code ``SocketServiceError/Code/queueFull`` under the
    ///   overflow rule ``QueuePolicy/Overflow/fail``, and under ``QueuePolicy/Overflow/suspend`` in a handler, which cannot
    ///   wait for what may come only after it has returned; ``SocketServiceError/Code/inboxFull`` in a handler that waits
    ///   for a peer that may be waiting for it; the connection's error for a message that it refuses; `CancellationError`
    ///   when the task is cancelled. In each case the message is not sent.
    @discardableResult
    public func send(_ value: some Encodable, delivery: Delivery = .queued) async throws -> SendOutcome {
        try await submit(environment.options.codec.encode(value), delivery)
    }

    /// Sends a text message, as it is; see ``send(_:delivery:)-(WebSocketMessage,_)``.
    @discardableResult
    public func send(_ text: String, delivery: Delivery = .queued) async throws -> SendOutcome {
        try await submit(.text(text), delivery)
    }

    /// Sends a binary message; see ``send(_:delivery:)-(WebSocketMessage,_)``.
    @discardableResult
    public func send(_ bytes: [UInt8], delivery: Delivery = .queued) async throws -> SendOutcome {
        try await submit(.binary(bytes), delivery)
    }

    /// Sends a binary message; see ``send(_:delivery:)-(WebSocketMessage,_)``.
    @discardableResult
    public func send(_ data: Data, delivery: Delivery = .queued) async throws -> SendOutcome {
        try await submit(.binary(data), delivery)
    }

    /// Sends a message, as it is.
    @discardableResult
    public func send(_ message: WebSocketMessage, delivery: Delivery = .queued) async throws -> SendOutcome {
        try await submit(message, delivery)
    }

    /// Sends one message in pieces, for messages that are made bit by bit or do not fit into memory, over the connection that is
    /// open now: such a message is not queued.
    ///
    /// ```swift
    /// let outcome = try await service.sendMessage(.binary) { writer in
    ///     for try await chunk in file { try await writer.write(chunk) }
    /// }
    /// ```
    ///
    /// Other messages wait until this one is complete. Messages that `body` sends otherwise, or a task that it has started,
    /// are refused with ``SocketServiceError/Code/messageUnderWay``.
    ///
    /// - Returns: ``SendOutcome/sent``; ``SendOutcome/dropped(_:)``, and `body` was not called, as for a
    ///   ``Delivery/volatile`` message that finds no connection or messages in front of it.
    /// - Throws: The error of `body`, the error that ended the connection, `CancellationError`, and
    ///   ``SocketServiceError/Code/inboxFull`` in a handler that waits for a peer that may be waiting for it. A message
    ///   that has begun cannot be taken back, so the connection is then closed with 1011.
    @discardableResult
    public func sendMessage(
        _ kind: WebSocketMessage.Kind, _ body: (inout SocketMessageWriter) async throws -> Void
    ) async throws -> SendOutcome {
        try await outbox.sendInPieces(kind, from: dispatcher.caller, body)
    }

    private func submit(_ message: WebSocketMessage, _ delivery: Delivery) async throws -> SendOutcome {
        try await outbox.send(message, delivery, from: dispatcher.caller)
    }
}
