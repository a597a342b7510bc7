/// Whether a server may send the client elsewhere (RFC 6455 section 4.1 leaves that to the client).
public struct RedirectPolicy: Hashable, Sendable {
    /// How many redirects to follow for one connection; 0 reports the first one.
    public var limit: Int
    /// Whether another origin gets all that the first one gets. `false` by default: then it is asked without headers of the
    /// program's, subprotocols, the URL's credentials and a client certificate, since any of them may tell who connects.
    public var trustsOtherOrigins: Bool

    /// Reports a redirect as ``WebSocketError/Code/upgradeRefused``, with its `Location`. The default.
    public static let report = RedirectPolicy(limit: 0, trustsOtherOrigins: false)

    /// Follows redirects to the same or a higher security, never from `wss:` to `ws:`. Whatever the policy, all hops together
    /// have the time of ``WebSocketConfiguration/connectTimeout``.
    ///
    /// - Parameters:
    ///   - limit: How many redirects to follow for one connection.
    ///   - trustsOtherOrigins: Whether what may tell who connects goes to other origins, too; see
    ///     ``trustsOtherOrigins``. An origin is scheme, host and port, so that `ws:` and `wss:` are two.
    public static func follow(limit: Int = 5, trustingOtherOrigins trustsOtherOrigins: Bool = false) -> RedirectPolicy {
        RedirectPolicy(limit: limit, trustsOtherOrigins: trustsOtherOrigins)
    }
}
