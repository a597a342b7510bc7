internal import HTTPTypes
internal import WebSocketProtocol

/// The talk with a proxy until it has made a tunnel to the server.
struct ProxyTunnel {
    enum Progress {
        case needsMoreBytes
        case send([UInt8])
        /// Of the bytes received, `consumed` are the proxy's; the rest come from the server.
        case stands(consumed: Int)
    }

    private enum Conversation {
        case http(ResponseParser)
        case socks5(SOCKS5Handshake)
    }

    private let proxy: Proxy
    private let target: Endpoint
    private var conversation: Conversation
    /// The first bytes to send.
    let opening: [UInt8]

    init(through proxy: Proxy, to target: Endpoint) throws(WebSocketError) {
        self.proxy = proxy
        self.target = target
        let credentials = proxy.credentials.map { Endpoint.Credentials(user: $0.user, password: $0.password) }
        do {
            switch proxy.kind {
            case .http:
                opening = try ProxyConnectRequest(target: target, credentials: credentials).bytes
                conversation = .http(ResponseParser(to: .connect))
            case .socks5:
                let handshake = try SOCKS5Handshake(target: target, credentials: credentials)
                opening = handshake.greeting
                conversation = .socks5(handshake)
            }
        } catch {
            throw Proxy.invalid(error.description)
        }
    }

    /// - Throws: An error when the proxy refuses, or is none.
    mutating func receive(_ bytes: UnsafeRawBufferPointer) throws(WebSocketError) -> Progress {
        switch conversation {
        case .http(var parser):
            defer { conversation = .http(parser) }
            return try unsafe receive(bytes, with: &parser)
        case .socks5(var handshake):
            defer { conversation = .socks5(handshake) }
            do {
                switch try unsafe handshake.receive(bytes) {
                case .needsMoreBytes: return .needsMoreBytes
                case .send(let answer): return .send(answer)
                case .connected(let consumed): return .stands(consumed: consumed)
                }
            } catch {
                throw WebSocketError(
                    .connectFailed, stage: .proxy,
                    message: "the proxy \(proxy) made no tunnel to \(target.origin). \(error.description)")
            }
        }
    }

    private func receive(
        _ bytes: UnsafeRawBufferPointer, with parser: inout ResponseParser
    ) throws(WebSocketError) -> Progress {
        let progress: ResponseParser.Progress
        do {
            progress = try unsafe parser.receive(bytes)
        } catch {
            throw WebSocketError(
                .connectFailed, stage: .proxy,
                message: """
                    the answer of the proxy \(proxy) to CONNECT cannot be used. \(error.description) Is it a proxy for HTTP, \
                    spoken to without TLS?
                    """)
        }
        switch progress {
        case .needsMoreBytes: return .needsMoreBytes
        case .switched(_, let consumed): return .stands(consumed: consumed)
        case .refused(let response): throw refusalError(response)
        }
    }

    /// The proxy's refusal as far as it has arrived, when no more of it is waited for; `nil` when there is none.
    mutating func takeRefusal() -> WebSocketError? {
        guard case .http(var parser) = conversation else { return nil }
        defer { conversation = .http(parser) }
        return parser.finish().map { refusalError($0) }
    }

    private func refusalError(_ response: RefusedResponse) -> WebSocketError {
        let refusal = UpgradeRefusal(response)
        let advice =
            switch refusal.status.code {
            case 407:
                "it wants \(proxy.credentials == nil ? "" : "other ")credentials"
                    + (refusal.headers[.proxyAuthenticate].map { " (\($0.prefix(200)))" } ?? "")
            case 403, 405: "does it allow CONNECT to this host and port?"
            case 502, 503, 504: "it may not reach the server"
            default: "its body may say why"
            }
        return WebSocketError(
            .connectFailed, stage: .proxy,
            message: """
                the proxy \(proxy) refused a connection to \(target.origin) with status \(refusal.status.code): \(advice)
                """, refusal: refusal)
    }
}
