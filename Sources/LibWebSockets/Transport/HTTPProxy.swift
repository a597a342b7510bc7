internal import WebSocketProtocol

/// An HTTP proxy that tunnels connections (`CONNECT`, RFC 9110 section 9.3.6).
public struct HTTPProxy: Hashable, Sendable {
    /// A name or an IP address, IPv6 without brackets.
    public var host: String
    /// 1-65535.
    public var port: Int
    /// Sent as Basic authorization (RFC 7617); `nil` for a proxy without.
    public var credentials: Credentials?

    /// A name and a password. Neither ever shows up in a description.
    public struct Credentials: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
        /// The name, without a colon (RFC 7617 section 2).
        public var user: String
        /// The password. Name, colon and password may have 95 bytes together, the limit of libwebsockets 4.1.
        public var password: String

        /// Credentials as they are, not percent-encoded.
        public init(user: String, password: String) {
            self.user = user
            self.password = password
        }

        public var description: String { "(credentials)" }
        public var customMirror: Mirror { Mirror(self, children: []) }
    }

    /// A proxy by its address. What cannot be used is reported when a connection is made.
    public init(host: String, port: Int, credentials: Credentials? = nil) {
        self.host = host
        self.port = port
        self.credentials = credentials
    }

    /// Reads a URL such as `http://user:password@proxy.example.com:3128`; without a scheme, `http:` is meant.
    ///
    /// - Throws: ``WebSocketError`` with `invalidConfiguration` for another scheme, and for what is no URL.
    public init(_ url: String) throws(WebSocketError) {
        let endpoint: Endpoint
        do {
            endpoint = try Endpoint(url.contains("://") ? url : "http://\(url)")
        } catch {
            throw Self.invalid("it is no usable URL: \(error.message)")
        }
        guard !endpoint.isSecure, !url.lowercased().hasPrefix("ws:") else {
            throw Self.invalid("only http: proxies are supported, not the scheme of this one")
        }
        self.init(
            host: endpoint.host, port: endpoint.port,
            credentials: endpoint.credentials.map { Credentials(user: $0.user, password: $0.password) })
    }

    static func invalid(_ reason: String) -> WebSocketError {
        WebSocketError(.invalidConfiguration, stage: .configuration, message: "the proxy cannot be used: \(reason)")
    }

    /// libwebsockets 4.1 encodes at most this much into its `Proxy-authorization` header (`lws_set_proxy`).
    private static let longestCredentials = 95
    /// libwebsockets 4.1 cuts its CONNECT request silently when the target's name, which is in it twice, is longer.
    private static let longestTarget = 99

    /// Checks what libwebsockets would cut or inject.
    func validate(target: Endpoint) throws(WebSocketError) {
        guard (1...65_535).contains(port) else { throw Self.invalid("its port \(port) is not between 1 and 65535") }
        if let credentials {
            let text = "\(credentials.user):\(credentials.password)"
            guard text.utf8.count <= Self.longestCredentials else {
                throw Self.invalid("user and password are longer than \(Self.longestCredentials) bytes together")
            }
            guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }), !credentials.user.contains(":") else {
                throw Self.invalid(
                    "user and password must not have control characters, nor the user a colon (RFC 7617)")
            }
        }
        guard target.host.utf8.count <= Self.longestTarget else {
            throw Self.invalid("libwebsockets cannot ask it for a host name longer than \(Self.longestTarget) bytes")
        }
    }
}

extension HTTPProxy: CustomStringConvertible {
    /// Without credentials.
    public var description: String {
        SocketAddress(host: host, port: port).description
    }
}

/// Which proxy a connection goes through.
public struct ProxySelection: Sendable {
    private enum Choice {
        case none
        case proxy(HTTPProxy)
        case environment
    }

    private let choice: Choice

    /// None, whatever the environment says.
    public static let none = ProxySelection(choice: .none)

    /// The one that the environment names: `https_proxy` for `wss:`, `http_proxy` for `ws:`, else `all_proxy`, unless
    /// `no_proxy` lists the host (a comma-separated list of names, which stand for their subdomains too, of addresses, or
    /// `*`). Names in capitals count too, except for `HTTP_PROXY`, which a web client can set in CGI programs.
    public static let fromEnvironment = ProxySelection(choice: .environment)

    /// This one.
    public static func http(_ proxy: HTTPProxy) -> ProxySelection {
        ProxySelection(choice: .proxy(proxy))
    }

    func proxy(for endpoint: Endpoint, environment: [String: String]) throws(WebSocketError) -> HTTPProxy? {
        let proxy: HTTPProxy?
        switch choice {
        case .none: return nil
        case .proxy(let chosen): proxy = chosen
        case .environment: proxy = try Self.environmentProxy(for: endpoint, environment)
        }
        try proxy?.validate(target: endpoint)
        return proxy
    }

    private static func environmentProxy(
        for endpoint: Endpoint, _ environment: [String: String]
    ) throws(WebSocketError) -> HTTPProxy? {
        let exceptions = environment["no_proxy"] ?? environment["NO_PROXY"] ?? ""
        let isExcepted = exceptions.split(separator: ",").contains { matches($0, endpoint) }
        guard !isExcepted else { return nil }
        let names =
            (endpoint.isSecure ? ["https_proxy", "HTTPS_PROXY"] : ["http_proxy"]) + ["all_proxy", "ALL_PROXY"]
        for name in names {
            guard let value = environment[name], !value.isEmpty else { continue }
            do {
                return try HTTPProxy(value)
            } catch {
                throw HTTPProxy.invalid("the environment's \(name) is wrong; \(error.message)")
            }
        }
        return nil
    }

    private static func matches(_ exception: Substring, _ endpoint: Endpoint) -> Bool {
        var pattern = exception.lowercased().filter { $0 != " " && $0 != "\t" }
        if pattern == "*" { return true }
        while pattern.hasPrefix(".") { pattern.removeFirst() }
        guard !pattern.isEmpty else { return false }
        let hosts = [pattern, "\(endpoint.host):\(endpoint.port)" == pattern ? endpoint.host : pattern]
        return hosts.contains { endpoint.host == $0 || endpoint.host.hasSuffix(".\($0)") }
    }
}
