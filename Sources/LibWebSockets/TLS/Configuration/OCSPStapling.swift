/// The treatment of the OCSP response that a server sends along with its certificate: the issuer's signed word on whether
/// the certificate is revoked (RFC 6066 section 8, RFC 6960).
///
/// No responder is asked directly: that would tell it whom the client talks to, and add a connection to each connection.
public enum OCSPStapling: Hashable, Sendable {
    /// None is asked for, also where a certificate demands one.
    case ignored
    /// One is asked for. A certificate that it calls revoked is refused, and so is one that demands a response
    /// ("must-staple", RFC 7633) that does not come or cannot be used. Any other certificate may come without one; one that
    /// is out of date or not signed by the issuer counts as none, because anybody who could send that could also send none.
    case honored
    /// A certificate without a current response of its issuer that calls it good is refused.
    case required
}
