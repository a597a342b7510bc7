public import WebSocketProtocol

extension TLSInspection {
    /// Makes a TLS connection to see what it looks like, and ends it: no request is sent, whatever the certificates are.
    ///
    /// - Parameters:
    ///   - endpoint: A `wss:` URL.
    ///   - configuration: The checks to make, in ``WebSocketConfiguration/tls``; the way to the server, and
    ///     ``WebSocketConfiguration/connectTimeout``.
    ///   - socketLoop: The loop that carries the connection.
    /// - Throws: ``WebSocketError`` when there is nothing to see: the server cannot be reached, or TLS fails for another
    ///   reason than its certificates, such as `protocolVersion`; `CancellationError` when the task is cancelled.
    public static func inspect(
        _ endpoint: Endpoint, configuration: WebSocketConfiguration = WebSocketConfiguration(),
        on socketLoop: SocketLoop = .shared
    ) async throws -> TLSInspection {
        try configuration.validate()
        guard endpoint.isSecure else {
            throw WebSocketError(
                .invalidConfiguration, stage: .configuration,
                message: "\(endpoint.origin) has no TLS to look at: the URL has to begin with wss:")
        }
        let plan = try ConnectAttempt.Plan(endpoint: endpoint, configuration: configuration, isInspection: true)
        do {
            _ = try await ConnectAttempt.run(plan, within: configuration.connectTimeout, on: socketLoop)
        } catch let done as InspectionIsDone {
            return done.inspection
        }
        // Not reached: an attempt that inspects does not open anything.
        throw WebSocketError(
            .internalError, stage: .tls, message: "the inspection of \(endpoint.origin) came to no end")
    }
}
