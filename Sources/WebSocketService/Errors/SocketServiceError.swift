/// A failure in a service, beside those of a connection that `WebSocketError` tells of.
public struct SocketServiceError: Error, Sendable {
    /// The kind of a failure. New codes may come with new versions: keep a `default`.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String

        /// An attempt failed or an open connection was lost; see ``SocketServiceError/failure``.
        public static let connectionFailed = Code(description: "connectionFailed")
        /// No further attempt will be made; ``SocketServiceError/failure`` is the last one.
        public static let gaveUp = Code(description: "gaveUp")
        /// The service was stopped.
        public static let stopped = Code(description: "stopped")
        /// The queue is full, and the message was not taken. The rule is ``QueuePolicy/Overflow/fail``; or it is
        /// ``QueuePolicy/Overflow/suspend``, and the sender is a handler or the body of a loop over messages: room may come
        /// only after it has returned.
        public static let queueFull = Code(description: "queueFull")
        /// A handler of the app's threw; ``SocketServiceError/underlying`` is its error.
        public static let handlerFailed = Code(description: "handlerFailed")
        /// A message does not decode as the type that its handler asks for.
        public static let decodingFailed = Code(description: "decodingFailed")
        /// The app's closure that makes a heartbeat threw, or took longer than ``SocketService/Options/attemptTimeout``; the
        /// beat is skipped.
        public static let heartbeatFailed = Code(description: "heartbeatFailed")
        /// A request cannot carry a correlation ID, so its answer could not be told from other messages.
        public static let notCorrelatable = Code(description: "notCorrelatable")
        /// A request was dropped instead of sent; see ``SocketServiceError/dropReason``.
        public static let requestDropped = Code(description: "requestDropped")
        /// A ``SocketServiceDirectory`` has a service of this name already.
        public static let nameTaken = Code(description: "nameTaken")
        /// An attempt to connect, with the app's closures that are part of it, took longer than
        /// ``SocketService/Options/attemptTimeout``.
        public static let attemptTimedOut = Code(description: "attemptTimedOut")
        /// A handler asked for what can only come after it has returned.
        public static let handlerMustReturn = Code(description: "handlerMustReturn")
        /// The inbox is full, and a handler or the body of a loop over messages waits for the peer or for room in the queue.
        /// What arrived meanwhile has reached ``SocketService/Options/inboxByteLimit``, and nothing more is read before it
        /// returns.
        public static let inboxFull = Code(description: "inboxFull")
        /// No answer came in time.
        public static let requestTimedOut = Code(description: "requestTimedOut")
        /// This task, or one that has started it, is sending a message in pieces. Another message that it sends would wait for
        /// the end of that one, for ever.
        public static let messageUnderWay = Code(description: "messageUnderWay")
    }

    /// The kind of failure.
    public let code: Code
    /// A text for people: what was tried, what failed and what to do about it.
    public let message: String
    /// The error that caused this one.
    public let underlying: (any Error)?
    /// The connection's failure.
    public let failure: ConnectionFailure?
    /// The route of the message at fault.
    public let route: String?
    /// The reason why a message was dropped.
    public let dropReason: DropReason?

    init(
        _ code: Code, _ message: String, underlying: (any Error)? = nil, failure: ConnectionFailure? = nil,
        route: String? = nil, dropReason: DropReason? = nil
    ) {
        self.code = code
        self.message = message
        self.underlying = underlying
        self.failure = failure
        self.route = route
        self.dropReason = dropReason
    }
}

extension SocketServiceError: CustomStringConvertible {
    public var description: String { message }
}

extension SocketServiceError {
    static let stopped = SocketServiceError(
        .stopped, "the service was stopped; a stopped service does not start again, make a new one")

    static let queueFull = SocketServiceError(
        .queueFull, "the queue is full and its overflow rule is to fail; the message was not taken")

    static let queueFullForHandler = SocketServiceError(
        .queueFull,
        "the queue is full, and a handler cannot wait for room that may come only after it has returned; the message was "
            + "not taken")

    static let handlerMustReturn = SocketServiceError(
        .handlerMustReturn,
        "the request cannot be sent before the onOpen handlers of the next connection, and those come after the handler "
            + "that makes it; make it in a Task.detached that the handler does not wait for")

    static let loopInHandler = SocketServiceError(
        .handlerMustReturn,
        "a handler iterates over messages of its own service, which come only after it has returned; the loop was ended. "
            + "Begin it in a Task that the handler does not wait for")

    static let inboxFull = SocketServiceError(
        .inboxFull,
        "what the peer sent while the handler waits has filled the inbox, so that nothing more is read before the handler "
            + "returns; raise inboxByteLimit, or wait in a Task.detached that the handler does not wait for")

    static let messageUnderWay = SocketServiceError(
        .messageUnderWay,
        "this task is sending a message in pieces over the same service, and no other may come between them (RFC 6455 section "
            + "5.4): send it when that one is complete")

    static func requestDropped(_ reason: DropReason) -> SocketServiceError {
        SocketServiceError(.requestDropped, "the request was not sent: \(reason)", dropReason: reason)
    }

    static func connectionFailed(_ failure: ConnectionFailure) -> SocketServiceError {
        SocketServiceError(
            .connectionFailed, "\(failure)", underlying: failure.underlying, failure: failure)
    }

    /// - Parameter isFinal: The policy takes the failure for a final one.
    static func gaveUp(_ attempts: Int, _ failure: ConnectionFailure, isFinal: Bool) -> SocketServiceError {
        let reason = isFinal ? "this failure is final" : "the reconnect policy allows no further attempt"
        return SocketServiceError(
            .gaveUp, "gave up after \(attempts.counted("failed attempt")), as \(reason): \(failure)",
            underlying: failure.underlying, failure: failure)
    }

    static func handlerFailed(_ route: String?, _ error: any Error) -> SocketServiceError {
        let handler = route.map { "a handler of the route \"\($0)\"" } ?? "a handler"
        return SocketServiceError(.handlerFailed, "\(handler) threw: \(error)", underlying: error, route: route)
    }

    static func decodingFailed(_ route: String?, _ type: Any.Type, _ error: any Error) -> SocketServiceError {
        let message = route.map { "a message of the route \"\($0)\"" } ?? "a message"
        return SocketServiceError(
            .decodingFailed, "\(message) does not decode as \(type): \(error)", underlying: error, route: route)
    }
}

extension ConnectionFailure {
    /// The error that the transport threw.
    fileprivate var underlying: (any Error)? {
        switch self {
        case .connectFailed(let error), .lost(let error), .onOpenFailed(let error): error
        case .closed, .heartbeatTimeout: nil
        }
    }
}
