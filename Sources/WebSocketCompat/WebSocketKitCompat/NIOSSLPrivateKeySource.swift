/// The place of a key.
public enum NIOSSLPrivateKeySource: Hashable, Sendable {
    /// In a PEM file.
    case file(String)
}
