import HTTPTypes

@testable import WebSocketService

extension ConnectionFailure {
    static let refusedTCP = ConnectionFailure.connectFailed(
        WebSocketError(.connectFailed, stage: .connect, message: "connection refused"))

    static func refused(_ status: HTTPResponse.Status, retryAfter: Duration? = nil) -> ConnectionFailure {
        .connectFailed(
            WebSocketError(
                .upgradeRefused, stage: .upgrade, message: "the server answered \(status)",
                refusal: UpgradeRefusal(status: status, headers: [:], body: [], retryAfter: retryAfter)))
    }

    static func tls(_ reason: TLSFailure.Reason, depth: Int? = nil) -> ConnectionFailure {
        .connectFailed(
            WebSocketError(
                .tlsFailed, stage: .tls, message: "TLS failed", tlsFailure: TLSFailure(reason: reason, depth: depth)))
    }

    static func error(_ code: WebSocketError.Code, stage: WebSocketError.Stage = .connect) -> ConnectionFailure {
        .connectFailed(WebSocketError(code, stage: stage, message: "\(code)"))
    }

    static func closedByPeer(_ code: UInt16) -> ConnectionFailure {
        let frame = CloseFrame(code: CloseCode(rawValue: code))
        return .closed(WebSocketClosure(initiator: .remote, sent: frame, received: frame))
    }

    static func gaveUpWith(_ code: CloseCode) -> ConnectionFailure {
        .lost(
            WebSocketError(
                .protocolViolation, stage: .open, message: "the peer broke RFC 6455",
                closure: WebSocketClosure(initiator: .local, sent: CloseFrame(code: code), received: nil)))
    }
}
