internal import HTTPTypes
internal import WebSocketProtocol

extension WebSocketConfiguration {
    /// Returns the configuration for the place to which a redirect leads.
    func redirected(by redirect: Redirect, from origin: Endpoint) -> WebSocketConfiguration {
        var next = self
        next.redirects.limit -= 1
        if redirect.isSameOrigin || redirects.trustsOtherOrigins {
            if let credentials = origin.credentials, headers[.authorization] == nil {
                next.headers[.authorization] = credentials.basicAuthorization
            }
        } else {
            next.headers = [:]
            next.subprotocols = []
            next.tls.clientIdentity = nil
        }
        if !redirect.isSameOrigin {
            // These belong to the first origin's server.
            next.tls.serverName = nil
            next.unixSocketPath = nil
        }
        return next
    }
}

/// The place to which a redirect leads.
struct Redirect {
    let endpoint: Endpoint
    /// Scheme, host and port stay the same.
    let isSameOrigin: Bool

    /// Tells whether an answer says where to go, as far as its head tells.
    static func leadsOn(_ head: ResponseHead) -> Bool {
        UpgradeRefusal.redirectStatuses.contains(head.status.code) && head.headers[.location] != nil
    }

    /// `nil` when the refusal is no redirect.
    ///
    /// - Throws: An error when it is one that must not be followed.
    init?(_ refusal: UpgradeRefusal, from origin: Endpoint) throws(WebSocketError) {
        guard UpgradeRefusal.redirectStatuses.contains(refusal.status.code) else { return nil }
        func refuse(_ reason: String) -> WebSocketError { Self.refused(refusal, by: origin, because: reason) }
        if let problem = refusal.locationProblem { throw refuse("it \(problem); check the URL") }
        do {
            endpoint = try Self.resolve(refusal.headers[.location] ?? "", against: origin)
        } catch {
            throw refuse("its Location is unusable: \(error.message)")
        }
        guard endpoint.isSecure || !origin.isSecure else {
            throw refuse("it leads from wss: to an insecure \(endpoint.origin)")
        }
        isSameOrigin = endpoint.origin == origin.origin
    }

    static func refused(_ refusal: UpgradeRefusal, by origin: Endpoint, because reason: String) -> WebSocketError {
        WebSocketError(
            .upgradeRefused, stage: .upgrade,
            message:
                "\(origin.origin) redirects with status \(refusal.status.code), which cannot be followed: \(reason)",
            refusal: refusal)
    }

    /// RFC 3986 section 5.2, for what a `Location` holds: a URL, or a reference to a path or another host.
    private static func resolve(_ location: String, against base: Endpoint) throws(InvalidEndpoint) -> Endpoint {
        // A fragment is for the user agent, not for the server.
        let reference = String(location.prefix { $0 != "#" })
        // A colon before the path, query or next segment ends a scheme.
        if let end = reference.firstIndex(where: { ":/?".contains($0) }), reference[end] == ":" {
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
