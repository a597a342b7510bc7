internal import Synchronization
public import Foundation
internal import LibWebSockets
internal import WebSocketCompat

#if canImport(FoundationNetworking)
    public import FoundationNetworking
#endif

/// A WebSocket in the shape of `URLSessionWebSocketTask`.
///
/// ```swift
/// let task = WebSocketSession.shared.webSocketTask(with: url)
/// task.resume()
/// try await task.send(.string("hello"))
/// let message = try await task.receive()
/// task.cancel(with: .normalClosure, reason: nil)
/// ```
///
/// A running task lives until it has ended, as the original does: cancel it, or invalidate its session.
public final class WebSocketTask: Sendable {
    typealias PongHandler = @Sendable ((any Error)?) -> Void

    struct Fields: Sendable {
        var state = State.suspended
        var suspendCount = 1
        /// Kept until the end, as it keeps the task.
        var session: WebSocketSession?
        weak var delegate: (any WebSocketSessionDelegate)?
        var socket: ShapeSocket?
        var isOpen = false
        /// Pings that wait for a connection.
        var pings: [PongHandler] = []
        var maximumMessageSize = 1 << 20
        var closeCode = CloseCode.invalid
        var closeReason: Data?
        /// This side's cancellation: at once, or with a code.
        var cancellation: Cancellation?
        /// The error that ended the last connection or attempt.
        var failure: (any Error)?
        var error: (any Error)?
        var response: HTTPURLResponse?
        var countOfBytesSent: Int64 = 0
        var countOfBytesReceived: Int64 = 0
        var taskDescription: String?
        var priority: Float = 0.5
    }

    enum Cancellation: Sendable {
        case atOnce
        case withCode
    }

    let fields: Lock<Fields>
    let inbox = TaskInbox(limit: 1 << 20)
    let pump = SendPump()
    let delegateQueue: OperationQueue
    private let configuration: WebSocketSessionConfiguration.Values

    /// Tells the tasks of a session apart.
    public let taskIdentifier: Int
    /// The request that the task was made with.
    public let originalRequest: URLRequest?

    init(session: WebSocketSession, request: URLRequest, identifier: Int) {
        taskIdentifier = identifier
        originalRequest = request
        delegateQueue = session.delegateQueue
        configuration = session.configuration.values
        fields = Lock(Fields(session: session))
    }

    // MARK: Observing

    /// The request of the task: the original one, as no redirect is followed.
    public var currentRequest: URLRequest? { originalRequest }
    /// The state of the task.
    public var state: State { fields.withLock(\.state) }
    /// The server's answer to the opening handshake.
    public var response: URLResponse? { fields.withLock(\.response) }
    /// The error that ended the task; `nil` while it has not ended, and after an orderly end.
    public var error: (any Error)? { fields.withLock(\.error) }
    /// The code of the close frame that has ended the connection; ``CloseCode/invalid`` where there is none.
    public var closeCode: CloseCode { fields.withLock(\.closeCode) }
    /// The reason of the close frame that has ended the connection.
    public var closeReason: Data? { fields.withLock(\.closeReason) }
    /// Bytes of the messages that were received.
    public var countOfBytesReceived: Int64 { fields.withLock(\.countOfBytesReceived) }
    /// Bytes of the messages that were sent.
    public var countOfBytesSent: Int64 { fields.withLock(\.countOfBytesSent) }

    /// The largest message to receive, in bytes; a larger one ends the connection with 1009. The default is 1 MiB. Holds from
    /// ``resume()`` on.
    public var maximumMessageSize: Int {
        get { fields.withLock(\.maximumMessageSize) }
        set { fields.withLock { $0.maximumMessageSize = newValue } }
    }

    /// The object that is told of this task in place of the session's delegate. Not kept alive.
    public var delegate: (any WebSocketSessionDelegate)? {
        get { fields.withLock(\.delegate) }
        set { fields.withLock { $0.delegate = newValue } }
    }

    /// The program's own description.
    public var taskDescription: String? {
        get { fields.withLock(\.taskDescription) }
        set { fields.withLock { $0.taskDescription = newValue } }
    }

    /// The priority of the task, kept and of no effect.
    public var priority: Float {
        get { fields.withLock(\.priority) }
        set { fields.withLock { $0.priority = newValue } }
    }

    /// The priority of a task that was given none.
    public static let defaultPriority: Float = 0.5
    /// A low priority.
    public static let lowPriority: Float = 0.25
    /// A high priority.
    public static let highPriority: Float = 0.75

    // MARK: Life

    /// Begins to connect, once it was called as often as ``suspend()`` and once more.
    public func resume() {
        let session: WebSocketSession? = fields.withLock { fields in
            guard fields.state == .suspended else { return nil }
            fields.suspendCount -= 1
            guard fields.suspendCount == 0 else { return nil }
            fields.state = .running
            return fields.session
        }
        guard let session else { return }
        guard session.began(self) else { return complete(URLError(.cancelled)) }
        // A task that was cancelled in between has left the session before it entered.
        guard state != .completed else { return session.ended(self) }
        do {
            let socket = try makeSocket()
            let starts = fields.withLock { fields in
                guard fields.state == .running else { return false }
                fields.socket = socket
                return true
            }
            if starts { socket.start() } else { complete(URLError(.cancelled)) }
        } catch {
            complete(URLError(error, url: originalRequest?.url))
        }
    }

    /// Puts ``resume()`` off by one call. Of no effect once the task is running.
    public func suspend() {
        fields.withLock { fields in
            if fields.state == .suspended { fields.suspendCount += 1 }
        }
    }

    private func makeSocket() throws(WebSocketError) -> ShapeSocket {
        var request = originalRequest ?? URLRequest(url: URL(filePath: "/"))
        for (name, value) in configuration.headers ?? [:] where request.value(forHTTPHeaderField: name) == nil {
            request.setValue(value, forHTTPHeaderField: name)
        }
        // The default of a request, which says nothing.
        if request.timeoutInterval == 60 { request.timeoutInterval = configuration.timeoutIntervalForRequest }
        let asked = try ShapeRequest(request)
        var options = configuration.options
        options.connection.maximumMessageSize = maximumMessageSize
        if let timeout = asked.timeout { options.connection.connectTimeout = timeout }
        return ShapeSocket(
            url: asked.url, headers: asked.headers, subprotocols: asked.subprotocols, options: options, pump: pump,
            handlers: handlers)
    }

    /// Closes the connection with 1001. Calls that wait fail with `URLError.cancelled`.
    public func cancel() {
        cancel(.atOnce, .goingAway, reason: nil)
    }

    /// Lets earlier messages go out, then sends a close frame. Calls of ``receive()`` that wait fail at once.
    ///
    /// - Parameters:
    ///   - closeCode: One that must not be sent closes without a code.
    ///   - reason: UTF-8, for people; cut to 123 bytes.
    public func cancel(with closeCode: CloseCode, reason: Data?) {
        cancel(.withCode, closeCode, reason: reason)
    }

    private func cancel(_ cancellation: Cancellation, _ code: CloseCode, reason: Data?) {
        let (isFirst, socket) = fields.withLock { fields -> (Bool, ShapeSocket?) in
            guard fields.state == .running || fields.state == .suspended else { return (false, nil) }
            fields.state = .canceling
            fields.cancellation = cancellation
            if case .withCode = cancellation { (fields.closeCode, fields.closeReason) = (code, reason) }
            return (true, fields.socket)
        }
        guard isFirst else { return }
        inbox.end(URLError(.cancelled), discarding: true)
        if case .atOnce = cancellation { pump.end(URLError(.cancelled)) }
        guard let socket else { return complete(URLError(.cancelled)) }
        socket.close(
            code: LibWebSockets.CloseCode(rawValue: UInt16(clamping: code.rawValue)),
            reason: String(decoding: reason ?? Data(), as: UTF8.self))
    }
}
