internal import Synchronization
public import Foundation
internal import LibWebSockets

#if canImport(FoundationNetworking)
    public import FoundationNetworking
#endif

/// Makes WebSocket tasks, in the shape of `URLSession`.
///
/// Like the original it keeps its delegate until it is invalidated, and its running tasks until they end.
public final class WebSocketSession: Sendable {
    private struct State: Sendable {
        var delegate: (any WebSocketSessionDelegate)?
        var sessionDescription: String?
        var tasks: [Int: WebSocketTask] = [:]
        var lastIdentifier = 0
        var isInvalid = false
        var hasToldOfInvalidity = false
    }

    /// The session for programs without a delegate.
    public static let shared = WebSocketSession(configuration: .default)

    /// A copy of what the session was made with.
    public let configuration: WebSocketSessionConfiguration
    /// The queue on which the delegate and completion handlers are called.
    public let delegateQueue: OperationQueue
    private let state: Lock<State>

    /// A session without a delegate.
    public convenience init(configuration: WebSocketSessionConfiguration) {
        self.init(configuration: configuration, delegate: nil, delegateQueue: nil)
    }

    /// A session with a delegate.
    ///
    /// - Parameters:
    ///   - configuration: The settings of its tasks' connections.
    ///   - delegate: The object that is told of the tasks.
    ///   - queue: The queue on which it is told; a queue of its own that calls one after the other by default.
    public init(
        configuration: WebSocketSessionConfiguration, delegate: (any WebSocketSessionDelegate)?,
        delegateQueue queue: OperationQueue?
    ) {
        self.configuration = WebSocketSessionConfiguration(configuration.values)
        if let queue {
            delegateQueue = queue
        } else {
            delegateQueue = OperationQueue()
            delegateQueue.maxConcurrentOperationCount = 1
        }
        state = Lock(State(delegate: delegate))
    }

    /// The object that is told of the tasks; `nil` once the session is invalid.
    public var delegate: (any WebSocketSessionDelegate)? { state.withLock(\.delegate) }

    /// The program's own description.
    public var sessionDescription: String? {
        get { state.withLock(\.sessionDescription) }
        set { state.withLock { $0.sessionDescription = newValue } }
    }

    // MARK: Tasks

    /// A task for a `ws:` or `wss:` URL, which connects when it is resumed.
    public func webSocketTask(with url: URL) -> WebSocketTask {
        webSocketTask(with: URLRequest(url: url))
    }

    /// A task for a URL that offers subprotocols, in order of preference.
    public func webSocketTask(with url: URL, protocols: [String]) -> WebSocketTask {
        var request = URLRequest(url: url)
        if !protocols.isEmpty {
            request.setValue(protocols.joined(separator: ", "), forHTTPHeaderField: "Sec-WebSocket-Protocol")
        }
        return webSocketTask(with: request)
    }

    /// A task for a request. `Sec-WebSocket-Protocol` names the subprotocols to offer; the other headers that make the handshake
    /// are the library's own.
    public func webSocketTask(with request: URLRequest) -> WebSocketTask {
        let identifier = state.withLock { state in
            state.lastIdentifier += 1
            return state.lastIdentifier
        }
        return WebSocketTask(session: self, request: request, identifier: identifier)
    }

    /// The tasks that are running.
    public var allTasks: [WebSocketTask] {
        get async { runningTasks }
    }

    /// Calls a handler with the tasks that are running, on the delegate's queue.
    public func getAllTasks(completionHandler: @escaping @Sendable ([WebSocketTask]) -> Void) {
        delegateQueue.addOperation { completionHandler(self.runningTasks) }
    }

    private var runningTasks: [WebSocketTask] {
        state.withLock { state in state.tasks.sorted { $0.key < $1.key }.map(\.value) }
    }

    /// - Returns: `true` when the task may run: not in a session that is invalid.
    func began(_ task: WebSocketTask) -> Bool {
        state.withLock { state in
            guard !state.isInvalid else { return false }
            state.tasks[task.taskIdentifier] = task
            return true
        }
    }

    func ended(_ task: WebSocketTask) {
        let ended = state.withLock { $0.tasks.removeValue(forKey: task.taskIdentifier) }
        withExtendedLifetime(ended) {}
        endIfIdle()
    }

    // MARK: Ending

    /// Makes no more tasks run. The delegate is let go of when the last one has ended.
    public func finishTasksAndInvalidate() {
        state.withLock { $0.isInvalid = true }
        endIfIdle()
    }

    /// Cancels all tasks and lets the delegate go.
    public func invalidateAndCancel() {
        let tasks = state.withLock { state in
            state.isInvalid = true
            return Array(state.tasks.values)
        }
        for task in tasks { task.cancel() }
        endIfIdle()
    }

    private func endIfIdle() {
        let delegate: (any WebSocketSessionDelegate)? = state.withLock { state in
            guard state.isInvalid, state.tasks.isEmpty, !state.hasToldOfInvalidity else { return nil }
            state.hasToldOfInvalidity = true
            return state.delegate.take()
        }
        guard let delegate else { return }
        delegateQueue.addOperation { delegate.urlSession(self, didBecomeInvalidWithError: nil) }
    }
}
