/// The end of a connection that had been open.
public enum ConnectionEnd: Sendable {
    /// The end that ``SocketService/stop(code:reason:)`` or ``SocketService/pause(code:reason:)`` brought about.
    case closed(WebSocketClosure)
    /// An end that this side had not asked for.
    case failed(ConnectionFailure)

    /// The words of both sides at the end, where the transport knows them.
    public var closure: WebSocketClosure? {
        switch self {
        case .closed(let closure): closure
        case .failed(let failure): failure.closure
        }
    }

    /// The close code: the peer's, 1005 when its close frame had none, 1006 when there was no close frame.
    public var code: CloseCode {
        closure?.code ?? .abnormalClosure
    }
}

extension ConnectionEnd: CustomStringConvertible {
    /// A sentence: `the peer closed the connection with 1001 going away`.
    public var description: String {
        switch self {
        case .closed(let closure): "\(closure)"
        case .failed(let failure): "\(failure)"
        }
    }
}
