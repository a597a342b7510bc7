internal import COpenSSL

/// A failure of OpenSSL to make a certificate.
public struct CertificateError: Error, CustomStringConvertible {
    public let description: String

    /// With the oldest entry of OpenSSL's error queue, which is empty afterwards.
    init(_ what: String) {
        let code = ERR_peek_error()
        let reason = ERR_reason_error_string(code).map { String(cString: $0) }
        ERR_clear_error()
        description = reason.map { "\(what): \($0)" } ?? what
    }
}
