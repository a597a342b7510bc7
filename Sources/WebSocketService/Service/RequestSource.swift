/// The source of the URL and the headers of each attempt.
enum RequestSource: Sendable {
    /// Tried in turn.
    case requests([ConnectRequest])
    case closure(@Sendable (AttemptContext) async throws -> ConnectRequest)

    func request(for attempt: SocketService.StateMachine.Attempt) async throws -> ConnectRequest {
        switch self {
        case .requests(let requests):
            guard requests.indices.contains(attempt.endpoint) else { throw Self.noURL }
            return requests[attempt.endpoint]
        case .closure(let make):
            return try await make(AttemptContext(number: attempt.number))
        }
    }

    /// The number of servers that stand in for each other.
    var endpointCount: Int {
        if case .requests(let requests) = self { requests.count } else { 1 }
    }

    private static var noURL: WebSocketError {
        WebSocketError(
            .invalidConfiguration, stage: .configuration,
            message: "the service has no URL to connect to; give it at least one")
    }

    /// Checks everything that can be checked before the first attempt.
    func validate(with transport: any SocketTransport) throws {
        guard case .requests(let requests) = self else { return }
        guard !requests.isEmpty else { throw Self.noURL }
        for request in requests { try transport.validate(request) }
    }
}

extension RequestSource {
    /// The name of a service that was given none.
    var defaultName: String {
        guard case .requests(let requests) = self else { return "websocket" }
        return requests.first?.endpoint?.hostHeader ?? "websocket"
    }
}

extension ConnectRequest {
    fileprivate var endpoint: Endpoint? {
        // The transport decides whether the URL can be used.
        try? Endpoint(url)
    }

    /// The URL without user name, password and query: a log is no place for a secret.
    var loggableURL: String {
        guard let endpoint else { return "(no ws: or wss: URL)" }
        return "\(endpoint.origin)\(endpoint.target.prefix { $0 != "?" })"
    }
}
