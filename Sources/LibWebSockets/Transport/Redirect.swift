internal import HTTPTypes
internal import WebSocketProtocol

/// Whether a server may send the client elsewhere (RFC 6455 section 4.1 leaves that to the client).
public struct RedirectPolicy: Hashable, Sendable {
    /// How many redirects to follow for one connection; 0 reports the first one.
    public var limit: Int

    /// Reports a redirect as ``WebSocketError/Code/upgradeRefused``, with its `Location`. The default.
    public static let report = RedirectPolicy(limit: 0)

    /// Follows redirects to the same or a higher security, never from `wss:` to `ws:`. Credentials (the URL's, the headers
    /// `Authorization`, `Cookie` and `Proxy-Authorization`, and a client certificate) go to the same origin only.
    public static func follow(limit: Int = 5) -> RedirectPolicy {
        RedirectPolicy(limit: limit)
    }
}

/// Where a redirect leads.
struct Redirect {
    let endpoint: Endpoint
    /// Whether credentials may go there.
    let isSameOrigin: Bool

    private static let statuses: Set<Int> = [301, 302, 303, 307, 308]

    /// `nil` when the refusal is no redirect.
    ///
    /// - Throws: When it is one that must not be followed.
    init?(_ refusal: UpgradeRefusal, from origin: Endpoint) throws(WebSocketError) {
        guard Self.statuses.contains(refusal.status.code) else { return nil }
        func refuse(_ reason: String) -> WebSocketError {
            WebSocketError(
                .upgradeRefused, stage: .upgrade,
                message:
                    "\(origin.origin) redirects with status \(refusal.status.code), which cannot be followed: \(reason)",
                refusal: refusal)
        }
        guard let location = refusal.headers[.location] else { throw refuse("it has no Location header") }
        do {
            endpoint = try Self.resolve(location, against: origin)
        } catch {
            throw refuse("its Location is unusable: \(error.message)")
        }
        guard endpoint.isSecure || !origin.isSecure else {
            throw refuse("it leads from wss: to an insecure \(endpoint.origin)")
        }
        isSameOrigin = endpoint.origin == origin.origin
    }

    /// RFC 3986 section 5.2, for what a `Location` holds: a URL, or a reference to a path or another host.
    private static func resolve(_ location: String, against base: Endpoint) throws(InvalidEndpoint) -> Endpoint {
        // A fragment is for the user agent, not for the server.
        let reference = String(location.prefix { $0 != "#" })
        if reference.contains("://"), !reference.hasPrefix("/"), !reference.hasPrefix("?") {
            return try Endpoint(reference)
        }
        if reference.hasPrefix("//") { return try Endpoint((base.isSecure ? "wss:" : "ws:") + reference) }
        let path = String(base.target.prefix { $0 != "?" })
        let target: String
        switch reference.first {
        case nil: target = base.target
        case "/": target = reference
        case "?": target = path + reference
        default: target = path[...(path.lastIndex(of: "/") ?? path.startIndex)] + reference
        }
        return try Endpoint(base: base.origin, path: removeDotSegments(target))
    }

    /// RFC 3986 section 5.2.4; the query is no part of it.
    private static func removeDotSegments(_ target: String) -> String {
        let path = target.prefix { $0 != "?" }
        var segments: [Substring] = []
        let parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            let isLast = index == parts.count - 1
            switch part {
            case ".": if isLast { segments.append("") }
            case "..":
                _ = segments.popLast()
                if isLast { segments.append("") }
            default: segments.append(part)
            }
        }
        return "/" + segments.joined(separator: "/") + target.dropFirst(path.count)
    }
}
