/// The address of a WebSocket server: a `ws:` or `wss:` URL (RFC 6455 section 3), taken apart and checked.
///
/// The path and the query stay exactly as they were written, escapes included. Scheme and host are case-insensitive and
/// kept in lower case; an international host name is kept in its ASCII form (`xn--…`, RFC 5891). A URL is refused rather
/// than repaired when it holds what it must not: spaces, control characters and, outside the host, characters that are not
/// ASCII (write them percent-encoded), a fragment, a host that is no name or IP address, port 0.
///
/// `http:` and `https:` are accepted for `ws:` and `wss:`, as browsers do.
public struct Endpoint: Hashable, Sendable {
    /// The connection uses TLS: `wss:`.
    public let isSecure: Bool
    /// The name, in lower case and ASCII, or the IP address without the brackets of IPv6: `xn--bcher-kva.example` for
    /// `bücher.example`.
    public let host: String
    /// The zone of a link-local IPv6 address (RFC 6874), such as `eth0`; it means something on this machine only.
    public let zone: String?
    /// The port, 1-65535; 443 for `wss:` and 80 for `ws:` where the URL has none.
    public let port: Int
    /// The path, and the query if there is one, as they go into the request: never empty, starts with `/`.
    public let target: String
    /// The name and the password in front of the host: `user:password@`. Sent as Basic authorization (RFC 7617), unless the
    /// request has an `Authorization` header of its own.
    public let credentials: Credentials?

    package let hostKind: HostKind

    package enum HostKind: Hashable, Sendable {
        case name
        case ipv4
        case ipv6
    }

    /// Reads a URL such as `wss://feed.example.com:8443/stream?from=now`.
    /// - Throws: The fault of the URL, and its place in it.
    public init(_ url: String) throws(InvalidEndpoint) {
        var parser = EndpointParser(url)
        self = try parser.endpoint()
    }

    /// Makes the URL of another service on the server of a page or an API: `https://www.example.com/app#/home` with port 9000
    /// and path `live/prices` makes `wss://www.example.com:9000/live/prices`.
    /// - Parameters:
    ///   - base: A `https:`, `http:`, `wss:` or `ws:` URL. Only its scheme and host count, and its port if `port` is
    ///     `nil`; credentials, path, query and fragment do not.
    ///   - port: 1-65535.
    ///   - path: With or without a leading `/`, percent-encoded where necessary. A query may follow.
    /// - Throws: The fault of the base URL, the port or the path, and its place in it.
    public init(base: String, port: Int? = nil, path: String = "/") throws(InvalidEndpoint) {
        var baseParser = EndpointParser(base)
        let origin = try baseParser.origin()
        if let port, !(1...65535).contains(port) {
            throw InvalidEndpoint("Port \(port) is out of range: ports are 1 to 65535.")
        }
        let pathParser = EndpointParser(path, subject: "path")
        self.init(
            isSecure: origin.isSecure,
            host: origin.host,
            port: port ?? origin.port,
            target: try pathParser.target(),
            credentials: nil
        )
    }

    /// Reads host, port and credentials of a URL that is no WebSocket's, such as a proxy's.
    /// - Parameter defaultPorts: The schemes that it may have, in lower case, each with its port.
    /// - Throws: The fault of the URL, and its place in it.
    package init(_ url: String, defaultPorts: KeyValuePairs<String, Int>) throws(InvalidEndpoint) {
        var parser = EndpointParser(url)
        self = try parser.authority(defaultPorts: defaultPorts)
    }

    init(isSecure: Bool, host: ParsedHost, port: Int?, target: String, credentials: Credentials?) {
        self.isSecure = isSecure
        self.host = host.text
        self.zone = host.zone
        self.hostKind = host.kind
        self.port = port ?? (isSecure ? 443 : 80)
        self.target = target
        self.credentials = credentials
    }

    /// The value of the `Host` header: the host, in brackets if it is an IPv6 address, and the port unless it is the
    /// scheme's own (RFC 6455 section 4.1). A zone means nothing to the server and is left out (RFC 6874 section 4).
    public var hostHeader: String {
        let host = hostKind == .ipv6 ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? host : "\(host):\(port)"
    }
}

extension Endpoint: CustomStringConvertible {
    /// The URL without credentials. The query is part of it: think of that before logging one that holds a token.
    public var description: String {
        "\(origin)\(target)"
    }

    /// Scheme, host and port, such as `wss://feed.example.com:8443`.
    public var origin: String {
        let zoneSuffix = zone.map { "%25\($0)" } ?? ""
        let bracketed = hostKind == .ipv6 ? "[\(host)\(zoneSuffix)]" : host
        let authority = port == (isSecure ? 443 : 80) ? bracketed : "\(bracketed):\(port)"
        return "\(isSecure ? "wss" : "ws")://\(authority)"
    }
}

extension Endpoint {
    /// A name and a password. Neither ever shows up in a description.
    public struct Credentials: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
        /// The name, percent-decoded. It has no colon.
        public let user: String
        /// The password, percent-decoded; empty when the URL has none.
        public let password: String

        /// For a proxy, whose configuration has them in a form of its own. The code that sends them checks them.
        package init(user: String, password: String) {
            self.user = user
            self.password = password
        }

        /// The value of the `Authorization` header (RFC 7617 section 2).
        package var basicAuthorization: String {
            "Basic \(Base64.encode("\(user):\(password)".utf8))"
        }

        /// A text that is the same for all credentials.
        public var description: String { "(credentials)" }

        /// A mirror without children, so that `dump` shows nothing.
        public var customMirror: Mirror { Mirror(self, children: []) }
    }
}
