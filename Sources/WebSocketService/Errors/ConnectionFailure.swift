internal import HTTPTypes

/// The failure of an attempt, or the end of an open connection without this side asking for it.
public enum ConnectionFailure: Error, Sendable {
    /// The attempt did not lead to an open connection.
    case connectFailed(any Error)
    /// The peer closed the connection with a close frame.
    case closed(WebSocketClosure)
    /// The open connection was lost, or given up because the peer broke the protocol.
    case lost(any Error)
    /// Heartbeats went unanswered; the connection was aborted.
    case heartbeatTimeout(unanswered: Int)
    /// An `onOpen` handler threw, so that the connection was aborted.
    case onOpenFailed(any Error)

    /// The binding's error, where there is one.
    public var webSocketError: WebSocketError? {
        switch self {
        case .connectFailed(let error), .lost(let error): error as? WebSocketError
        case .closed, .heartbeatTimeout, .onOpenFailed: nil
        }
    }

    /// The end of the connection on the wire, where it had been open and the transport says so.
    public var closure: WebSocketClosure? {
        switch self {
        case .closed(let closure): closure
        case .connectFailed, .lost: webSocketError?.closure
        case .heartbeatTimeout, .onOpenFailed: WebSocketClosure(initiator: .connectionLoss, sent: nil, received: nil)
        }
    }

    /// The wait that the server asks for: `Retry-After` on 429 and 503 (RFC 6585 section 4, RFC 9110 section 15.6.4).
    public var retryAfter: Duration? {
        guard let refusal = webSocketError?.refusal, [429, 503].contains(refusal.status.code) else { return nil }
        return refusal.retryAfter
    }
}

extension ConnectionFailure: CustomStringConvertible {
    public var description: String {
        switch self {
        case .connectFailed(let error): "connecting failed: \(error)"
        case .closed(let closure): "\(closure)"
        case .lost(let error): "the connection was lost: \(error)"
        case .heartbeatTimeout(let unanswered):
            "the peer left \(unanswered.counted("heartbeat")) unanswered"
        case .onOpenFailed(let error): "an onOpen handler threw, so that the connection was aborted: \(error)"
        }
    }
}

extension ConnectionFailure {
    /// As ``description``, where it is plain already whether an attempt failed or a connection was lost.
    var reason: String {
        switch self {
        case .connectFailed(let error), .lost(let error): "\(error)"
        case .closed, .heartbeatTimeout, .onOpenFailed: description
        }
    }
}

extension ConnectionFailure {
    /// The name of a failure in metrics: a word of a fixed set, whatever peers and transports say.
    enum Kind: String, Hashable, Sendable, CaseIterable {
        case invalidConfiguration, libraryUnsuitable, resourceUnavailable, nameResolutionFailed, connectFailed,
            tlsFailed
        case upgradeRefused, invalidHandshake, timedOut, connectionLost, protocolViolation, messageTooBig, internalError
        case closedByPeer, heartbeatTimeout, onOpenFailed, other
    }

    var kind: Kind {
        switch self {
        case .closed: .closedByPeer
        case .heartbeatTimeout: .heartbeatTimeout
        case .onOpenFailed: .onOpenFailed
        case .connectFailed(let error), .lost(let error): Self.kind(of: error)
        }
    }

    private static func kind(of error: any Error) -> Kind {
        if let error = error as? SocketServiceError, error.code == .attemptTimedOut { return .timedOut }
        return switch (error as? WebSocketError)?.code {
        case .invalidConfiguration?: .invalidConfiguration
        case .libraryUnsuitable?: .libraryUnsuitable
        case .resourceUnavailable?: .resourceUnavailable
        case .nameResolutionFailed?: .nameResolutionFailed
        case .connectFailed?: .connectFailed
        case .tlsFailed?: .tlsFailed
        case .upgradeRefused?: .upgradeRefused
        case .invalidHandshake?: .invalidHandshake
        case .timedOut?: .timedOut
        case .connectionLost?: .connectionLost
        case .protocolViolation?: .protocolViolation
        case .messageTooBig?: .messageTooBig
        case .internalError?: .internalError
        case .closedWithError?: .closedByPeer
        default: .other
        }
    }
}
