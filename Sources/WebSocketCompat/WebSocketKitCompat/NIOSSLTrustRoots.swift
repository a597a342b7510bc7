/// The authorities that a program trusts.
public enum NIOSSLTrustRoots: Hashable, Sendable {
    /// The authorities in a PEM file.
    case file(String)
    /// The system's authorities.
    case `default`
}
