/// The authorities that a program trusts.
public enum NIOSSLTrustRoots: Hashable, Sendable {
    /// Those in a PEM file.
    case file(String)
    /// The system's.
    case `default`
}
