/// The place of a key.
public enum NIOSSLPrivateKeySource: Hashable, Sendable {
    /// A PEM file.
    case file(String)
}
