internal import Foundation
internal import LibWebSockets

/// This library's failures in the original's terms: a `URLError` whose `NSUnderlyingErrorKey` is the `WebSocketError`.
extension URLError {
    init(_ failure: any Error, url: URL?) {
        var information: [String: Any] = [
            NSLocalizedDescriptionKey: "\(failure)", NSUnderlyingErrorKey: failure,
        ]
        if let url { information[NSURLErrorFailingURLErrorKey] = url }
        let code = (failure as? WebSocketError).map(Self.code) ?? .networkConnectionLost
        self.init(code, userInfo: information)
    }

    private static func code(of error: WebSocketError) -> URLError.Code {
        switch error.code {
        case .invalidConfiguration: .badURL
        case .nameResolutionFailed: .cannotFindHost
        case .connectFailed: .cannotConnectToHost
        case .tlsFailed: error.tlsFailure.map(code) ?? .secureConnectionFailed
        case .upgradeRefused, .invalidHandshake: .badServerResponse
        case .timedOut: .timedOut
        case .messageTooBig: .dataLengthExceedsMaximum
        case .protocolViolation: .cannotParseResponse
        default: .networkConnectionLost
        }
    }

    private static func code(of failure: TLSFailure) -> URLError.Code {
        switch failure.reason {
        case .untrustedRoot, .selfSigned: .serverCertificateHasUnknownRoot
        case .expired: .serverCertificateHasBadDate
        case .notYetValid: .serverCertificateNotYetValid
        case .clientCertificateRequired: .clientCertificateRequired
        case .clientCertificateRefused: .clientCertificateRejected
        case .protocolVersion, .notTLS, .alert: .secureConnectionFailed
        default: .serverCertificateUntrusted
        }
    }
}
