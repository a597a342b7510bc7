/// A TLS alert (RFC 8446 section 6, and the older ones that RFC 5246 still has).
package struct TLSAlert: Hashable, Sendable, CustomStringConvertible {
    let code: UInt8
    let isFatal: Bool

    /// - Parameter value: The number that `SSL_CTX_set_info_callback(3)` delivers: level in the upper byte, description in
    ///   the lower.
    init(infoCallbackValue value: Int32) {
        code = UInt8(truncatingIfNeeded: value)
        isFatal = value >> 8 == 2
    }

    static let closeNotify: UInt8 = 0
    static let userCanceled: UInt8 = 90

    /// In TLS 1.3 every alert but these two ends the connection, whatever its level says (RFC 8446 section 6.2).
    func endsConnection(inTLS13: Bool) -> Bool {
        code != Self.closeNotify && code != Self.userCanceled && (isFatal || inTLS13)
    }

    package var description: String { Self.name(code) }

    /// The name in RFC 8446 section 6, or the number.
    package static func name(_ code: UInt8) -> String { names[code] ?? "alert \(code)" }

    /// The peer has no TLS version in common with us.
    var isAboutVersion: Bool { code == 70 || code == 86 }

    /// The peer's way to say that it wants a client certificate and got none: `certificate_required` in TLS 1.3,
    /// one of the others in TLS 1.2, where RFC 5246 section 7.4.6 names `handshake_failure`.
    func mayMeanMissingCertificate(wasRequested: Bool) -> Bool {
        code == 116 || wasRequested && [40, 41, 42, 46, 49].contains(code)
    }

    /// The alert is one that a server sends about a client certificate that it does not like.
    var mayMeanRefusedCertificate: Bool { [40, 42, 43, 44, 45, 46, 48, 49, 51, 116].contains(code) }

    private static let names: [UInt8: String] = [
        0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 21: "decryption_failed",
        22: "record_overflow", 30: "decompression_failure", 40: "handshake_failure", 41: "no_certificate",
        42: "bad_certificate", 43: "unsupported_certificate", 44: "certificate_revoked", 45: "certificate_expired",
        46: "certificate_unknown", 47: "illegal_parameter", 48: "unknown_ca", 49: "access_denied", 50: "decode_error",
        51: "decrypt_error", 60: "export_restriction", 70: "protocol_version", 71: "insufficient_security",
        80: "internal_error", 86: "inappropriate_fallback", 90: "user_canceled", 100: "no_renegotiation",
        109: "missing_extension", 110: "unsupported_extension", 111: "certificate_unobtainable",
        112: "unrecognized_name", 113: "bad_certificate_status_response", 114: "bad_certificate_hash_value",
        115: "unknown_psk_identity", 116: "certificate_required", 120: "no_application_protocol",
    ]
}
