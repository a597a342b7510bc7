/// The treatment of the OCSP response that a server sends along with its certificate: the issuer's signed word on whether
/// the certificate is revoked (RFC 6066 section 8, RFC 6960).
///
/// No responder is asked directly: that would tell it whom the client talks to, and add a connection to each connection.
public enum OCSPStapling: Hashable, Sendable {
    /// No response is asked for, also where a certificate demands one.
    case ignored
    /// A response is asked for. A certificate that it calls revoked is refused, and so is one that demands a response
    /// ("must-staple", RFC 7633) that does not come or cannot be used. Any other certificate may come without one; one that is
    /// out of date or not signed by the issuer counts as none, because anybody who could send that could also send none.
    case honored
    /// A response is demanded: a certificate is refused without a current one of its issuer that calls it good.
    case required
}
