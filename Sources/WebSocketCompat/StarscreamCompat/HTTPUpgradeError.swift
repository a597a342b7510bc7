/// The reason why the opening handshake failed.
public enum HTTPUpgradeError: Error, Sendable {
    /// The server answered with another status than 101; the status and its headers.
    case notAnUpgrade(Int, [String: String])
    /// The server's answer was no answer. Never thrown here: `WebSocketError` says what was wrong.
    case invalidData
}
