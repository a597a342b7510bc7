import WebSocketService

extension TLSFailure {
    /// What `lwscat URL` can do about it, with its own options: the library's messages speak to somebody who writes a program.
    var hint: String? {
        if let clientCertificateHint { return clientCertificateHint }
        switch reason {
        case .protocolVersion: return "lwscat speaks TLS 1.2 and 1.3, with --minimum-tls 1.3 only the latter"
        case .notTLS: return "a URL with ws: instead of wss: connects without TLS"
        default:
            guard isVerificationFailure else { return nil }
            let check = TLSCheck(reason)
            let hints = [
                check.hint, check.insecureSwitch.map { "\($0) makes no such check" },
                "\"lwscat tls URL\" shows the certificates and makes all checks",
            ]
            return hints.compactMap(\.self).joined(separator: "; ")
        }
    }

    /// For `lwscat tls` too, where every other failure is told by its checks.
    var clientCertificateHint: String? {
        switch reason {
        case .clientCertificateRequired: "--cert FILE and --key FILE show the server a certificate of yours"
        case .clientCertificateRefused: "--cert FILE and --key FILE say which certificate the server is shown"
        default: nil
        }
    }
}
