public import WebSocketCompat

/// An object that decides how a server proves who it is. In the original it is shown Apple's `SecTrust`; here it sets TLS
/// up.
public protocol CertificatePinning: AnyObject, Sendable {
    /// Changes the TLS configuration that a connection is made with.
    func configure(_ tls: inout TLSClientConfiguration)
}
