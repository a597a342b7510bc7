internal import HTTPTypes

extension ConnectionFailure {
    /// Another attempt cannot be expected to end better, so that a policy gives up unless it is overruled.
    ///
    /// | failure | final |
    /// |---|---|
    /// | the server's certificate failed verification, or the peer refused or demanded a client certificate | yes |
    /// | any other TLS failure, such as an alert or a peer that does not speak TLS | no |
    /// | the upgrade was refused with 408, 425 or 429 | no |
    /// | the upgrade was refused with another 4xx | yes |
    /// | the upgrade was refused with 3xx or 5xx | no |
    /// | close code 1002, 1003, 1007, 1008, 1009 or 1010, sent by either side | yes |
    /// | any other close code, 1000, 1012 and 1013 included | no |
    /// | an invalid URL or header, an unsuitable library, a socket loop that was shut down | yes |
    /// | the system lacked open files, threads or memory | no |
    /// | DNS, TCP, timeouts, connection loss, a missed heartbeat, errors of other types | no |
    public var isFinal: Bool {
        if let error = webSocketError, Self.isFinal(error) { return true }
        guard let closure else { return false }
        // The code that this side sent says what it thought of the peer; the peer may never have answered it.
        let codes = [closure.received?.code, closure.sent?.code]
        return codes.contains { $0.map(Self.finalCloseCodes.contains) ?? false }
    }

    /// No time can mend the failure, so that even a persistent policy gives up (``ReconnectPolicy/isPersistent``). The peer's
    /// identity could not be verified, or the peer wants another client certificate; or this program's own configuration,
    /// library or loop is at fault.
    public var isBeyondTime: Bool {
        guard isFinal, let error = webSocketError else { return false }
        switch error.code {
        case .invalidConfiguration, .libraryUnsuitable, .loopShutDown, .tlsFailed: return true
        default: return false
        }
    }

    private static let finalCloseCodes: Set<CloseCode> = [
        .protocolError, .unsupportedData, .invalidFramePayloadData, .policyViolation, .messageTooBig,
        .mandatoryExtension,
    ]

    /// 408 Request Timeout, 425 Too Early and 429 Too Many Requests ask for another attempt.
    private static let transientRefusals: Set<Int> = [408, 425, 429]

    private static func isFinal(_ error: WebSocketError) -> Bool {
        switch error.code {
        case .invalidConfiguration, .libraryUnsuitable, .loopShutDown:
            return true
        case .tlsFailed:
            return error.tlsFailure.map(isFinal) ?? false
        case .upgradeRefused:
            guard let status = error.refusal?.status.code else { return false }
            return (400..<500).contains(status) && !transientRefusals.contains(status)
        case .protocolViolation, .messageTooBig:
            return error.closure == nil
        default:
            return false
        }
    }

    private static func isFinal(_ failure: TLSFailure) -> Bool {
        switch failure.reason {
        case .clientCertificateRequired, .clientCertificateRefused: true
        default: failure.isVerificationFailure
        }
    }
}
