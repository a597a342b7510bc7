internal import WebSocketProtocol

/// A proxy that tunnels connections. TLS is with the server itself, and the server's name is looked up by the proxy.
public struct Proxy: Hashable, Sendable {
    /// The protocol that a proxy speaks.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// HTTP's `CONNECT` (RFC 9110 section 9.3.6).
        case http
        /// SOCKS version 5 (RFC 1928).
        case socks5
    }

    /// The protocol it speaks.
    public var kind: Kind
    /// A name or an IP address, IPv6 without brackets.
    public var host: String
    /// The port, 1-65535.
    public var port: Int
    /// The name and the password for the proxy; `nil` for one that asks for none. Sent as Basic authorization (RFC 7617), or as
    /// SOCKS has it (RFC 1929).
    public var credentials: Credentials?

    /// A name and a password. Neither ever shows up in a description.
    ///
    /// For HTTP they may have 4,096 bytes of UTF-8 together, in Base64 about as much as proxies take in one header line (8,190
    /// bytes in Apache's `LimitRequestFieldSize`), no control characters, and the name no colon (RFC 7617 section 2). For
    /// SOCKS each must have 1 to 255 bytes (RFC 1929 section 2).
    public struct Credentials: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
        /// The name.
        public var user: String
        /// The password.
        public var password: String

        /// Credentials as they are, not percent-encoded.
        public init(user: String, password: String) {
            self.user = user
            self.password = password
        }

        public var description: String { "(credentials)" }
        public var customMirror: Mirror { Mirror(self, children: []) }
    }

    /// A proxy by its address. An address that cannot be used is reported when a connection is made.
    public init(_ kind: Kind = .http, host: String, port: Int, credentials: Credentials? = nil) {
        self.kind = kind
        self.host = host
        self.port = port
        self.credentials = credentials
    }

    /// Reads a URL such as `http://user:password@proxy.example.com:3128` or `socks5h://proxy.example.com`.
    ///
    /// The scheme is `http`, which is meant without one too, `socks5h` or `socks5`. The last two are the same: where other
    /// programs look the server's name up themselves for `socks5`, here it is always the proxy that does. Without a
    /// port it is 80 for HTTP and 1080 for SOCKS.
    ///
    /// - Throws: ``WebSocketError`` with `invalidConfiguration` for another scheme, and for what is no URL.
    public init(_ url: String) throws(WebSocketError) {
        let url = url.contains("://") ? url : "http://\(url)"
        let endpoint: Endpoint
        do {
            endpoint = try Endpoint(url, defaultPorts: ["http": 80, "socks5h": 1080, "socks5": 1080])
        } catch {
            throw Self.invalid("it is no usable URL: \(error.message)")
        }
        self.init(
            url.lowercased().hasPrefix("socks5") ? .socks5 : .http, host: endpoint.hostAndZone, port: endpoint.port,
            credentials: endpoint.credentials.map { Credentials(user: $0.user, password: $0.password) })
    }

    static func invalid(_ reason: String) -> WebSocketError {
        WebSocketError(.invalidConfiguration, stage: .configuration, message: "the proxy cannot be used: \(reason)")
    }

    private static let longestBasicCredentials = 4096
    private static let longestSOCKSCredential = 255

    /// This proxy with its host as the resolver takes it, when it can be asked for a tunnel to `target`.
    ///
    /// A configured proxy is used or refused: nothing in it may lead past it.
    func checked(for target: Endpoint) throws(WebSocketError) -> Proxy {
        guard (1...65_535).contains(port) else { throw Self.invalid("its port \(port) is not between 1 and 65535") }
        var proxy = self
        let endpoint: Endpoint
        do {
            endpoint = try Endpoint("http://\(SocketAddress(host: host, port: port))", defaultPorts: ["http": 80])
        } catch {
            throw Self.invalid("its host is no name or IP address: \(error.message)")
        }
        guard endpoint.credentials == nil else { throw Self.invalid("its host has an @, which no host name has") }
        proxy.host = endpoint.hostAndZone
        if let credentials {
            switch kind {
            case .http: try Self.checkBasic(credentials)
            case .socks5: try Self.checkSOCKS(credentials)
            }
        }
        guard target.zone == nil else {
            throw Self.invalid("the zone of \(target.origin) means something on this machine only, not to the proxy")
        }
        return proxy
    }

    private static func checkBasic(_ credentials: Credentials) throws(WebSocketError) {
        let text = "\(credentials.user):\(credentials.password)"
        guard text.utf8.count <= longestBasicCredentials + 1 else {
            throw invalid("user and password are longer than \(longestBasicCredentials) bytes together")
        }
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }), !credentials.user.utf8.contains(UInt8(ascii: ":"))
        else {
            throw invalid("user and password must not have control characters, nor the user a colon (RFC 7617)")
        }
    }

    private static func checkSOCKS(_ credentials: Credentials) throws(WebSocketError) {
        for (name, text) in [("user", credentials.user), ("password", credentials.password)]
        where !(1...longestSOCKSCredential).contains(text.utf8.count) {
            throw invalid(
                "the \(name) has \(text.utf8.count) bytes, and SOCKS carries 1 to \(longestSOCKSCredential) (RFC 1929)")
        }
    }
}

extension Proxy: CustomStringConvertible {
    /// The proxy's URL, without credentials.
    public var description: String {
        "\(kind == .socks5 ? "socks5h" : "http")://\(SocketAddress(host: host, port: port))"
    }
}

extension Endpoint {
    /// The host as `getaddrinfo(3)` takes it.
    fileprivate var hostAndZone: String { zone.map { "\(host)%\($0)" } ?? host }
}
