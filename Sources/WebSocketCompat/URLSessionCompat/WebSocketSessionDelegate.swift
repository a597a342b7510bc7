public import Foundation

/// An object that is told of the life of a session's tasks, on the session's `delegateQueue`. Every method may be left out.
public protocol WebSocketSessionDelegate: AnyObject, Sendable {
    /// A task's connection is open, with the subprotocol that the server has chosen; with `reconnects`, each of its connections.
    func urlSession(_ session: WebSocketSession, webSocketTask: WebSocketTask, didOpenWithProtocol protocol: String?)

    /// A task's connection was closed by a close frame, whichever side sent it first.
    func urlSession(
        _ session: WebSocketSession, webSocketTask: WebSocketTask, didCloseWith closeCode: WebSocketTask.CloseCode,
        reason: Data?)

    /// A task has come to its end: without an error after an orderly close.
    func urlSession(_ session: WebSocketSession, task: WebSocketTask, didCompleteWithError error: (any Error)?)

    /// The session was invalidated and its last task has ended: the last call.
    func urlSession(_ session: WebSocketSession, didBecomeInvalidWithError error: (any Error)?)
}

extension WebSocketSessionDelegate {
    public func urlSession(
        _ session: WebSocketSession, webSocketTask: WebSocketTask, didOpenWithProtocol protocol: String?
    ) {}

    public func urlSession(
        _ session: WebSocketSession, webSocketTask: WebSocketTask, didCloseWith closeCode: WebSocketTask.CloseCode,
        reason: Data?
    ) {}

    public func urlSession(
        _ session: WebSocketSession, task: WebSocketTask, didCompleteWithError error: (any Error)?
    ) {}

    public func urlSession(_ session: WebSocketSession, didBecomeInvalidWithError error: (any Error)?) {}
}
