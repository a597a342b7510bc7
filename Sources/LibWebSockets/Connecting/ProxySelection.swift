internal import WebSocketProtocol

/// The choice of a proxy for a connection.
public struct ProxySelection: Sendable {
    private enum Choice {
        case none
        case proxy(Proxy)
        case environment
    }

    private let choice: Choice

    /// No proxy, whatever the environment says.
    public static let none = ProxySelection(choice: .none)

    /// The proxy that the environment names: `https_proxy` for `wss:`, `http_proxy` for `ws:`, else `all_proxy`, each a URL as
    /// ``Proxy/init(_:)`` reads it. An empty variable is none.
    ///
    /// Names in capitals count too, except for `HTTP_PROXY`, which a web client can set in CGI programs. Servers that
    /// `no_proxy` lists are reached without a proxy; <doc:ReachingTheServer> says how it is read.
    public static let fromEnvironment = ProxySelection(choice: .environment)

    /// The given proxy.
    public static func proxy(_ proxy: Proxy) -> ProxySelection {
        ProxySelection(choice: .proxy(proxy))
    }

    /// The program itself has chosen a proxy.
    var isExplicit: Bool {
        if case .proxy = choice { true } else { false }
    }

    func proxy(for endpoint: Endpoint, environment: [String: String]) throws(WebSocketError) -> Proxy? {
        switch choice {
        case .none: return nil
        case .proxy(let chosen): return try chosen.checked(for: endpoint)
        case .environment:
            let variables = environment.filter { !$0.value.isEmpty }
            let exceptions = ProxyExceptions(variables["no_proxy"] ?? variables["NO_PROXY"] ?? "")
            guard !exceptions.contains(endpoint) else { return nil }
            let names =
                (endpoint.isSecure ? ["https_proxy", "HTTPS_PROXY"] : ["http_proxy"]) + ["all_proxy", "ALL_PROXY"]
            guard let name = names.first(where: { variables[$0] != nil }), let url = variables[name] else { return nil }
            do {
                return try Proxy(url).checked(for: endpoint)
            } catch {
                throw Proxy.invalid("the environment's \(name) is wrong; \(error.message)")
            }
        }
    }
}
