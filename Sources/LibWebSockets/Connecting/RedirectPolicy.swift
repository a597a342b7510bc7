/// The treatment of a server that sends the client elsewhere (RFC 6455 section 4.1 leaves that to the client).
public struct RedirectPolicy: Hashable, Sendable {
    /// The most redirects to follow for one connection; 0 reports the first one.
    public var limit: Int
    /// Gives another origin all that the first one gets. `false`, the default, leaves out the program's headers, the
    /// subprotocols, the URL's credentials and the client certificate, since any of them may tell who connects.
    public var trustsOtherOrigins: Bool

    /// Reports a redirect as ``WebSocketError/Code/upgradeRefused``, with its `Location`. The default.
    public static let report = RedirectPolicy(limit: 0, trustsOtherOrigins: false)

    /// Follows redirects to the same or a higher security, never from `wss:` to `ws:`. All hops together have, whatever the
    /// policy, the time of ``WebSocketConfiguration/connectTimeout``.
    ///
    /// - Parameters:
    ///   - limit: The most redirects to follow for one connection.
    ///   - trustsOtherOrigins: Sends to other origins, too, what may tell who connects; see ``trustsOtherOrigins``. An
    ///     origin is scheme, host and port, so that `ws:` and `wss:` are two.
    public static func follow(limit: Int = 5, trustingOtherOrigins trustsOtherOrigins: Bool = false) -> RedirectPolicy {
        RedirectPolicy(limit: limit, trustsOtherOrigins: trustsOtherOrigins)
    }
}
