internal import WebSocketProtocol

extension ConnectAttempt {
    /// Everything that can be checked before any I/O.
    struct Plan: Sendable {
        let endpoint: Endpoint
        let configuration: WebSocketConfiguration
        let request: UpgradeRequest
        /// `nil` for `ws:`, and where files have to be read first; see ``readFiles()``.
        let tls: TLSClientContext?
        let proxy: Proxy?
        /// Goes no further than TLS, and fails with the ``TLSInspection`` (``InspectionIsDone``).
        let isInspection: Bool

        init(
            endpoint: Endpoint, configuration: WebSocketConfiguration, isInspection: Bool = false
        ) throws(WebSocketError) {
            self.endpoint = endpoint
            self.isInspection = isInspection
            self.configuration = configuration
            do {
                request = try UpgradeRequest(
                    endpoint: endpoint, key: HandshakeKey(.openSSL), subprotocols: configuration.subprotocols,
                    extensions: configuration.compression.offers, headers: configuration.headers)
            } catch let error as InvalidUpgradeRequest {
                throw WebSocketError(.invalidConfiguration, stage: .configuration, message: error.description)
            } catch {
                throw WebSocketError(.libraryUnsuitable, stage: .configuration, message: "\(error)")
            }
            proxy =
                configuration.unixSocketPath == nil
                ? try configuration.proxy.proxy(for: endpoint, environment: ProcessEnvironment.current) : nil
            if endpoint.isSecure { try configuration.tls.validate() }
            tls =
                endpoint.isSecure && configuration.tls.paths.isEmpty
                ? try TLSClientContextCache.shared.context(for: configuration.tls, logger: configuration.logger) : nil
        }

        /// The context for `wss:`. It looks at files, and may take as long as the file system likes.
        func readFiles() throws(WebSocketError) -> TLSClientContext? {
            guard endpoint.isSecure, tls == nil else { return tls }
            return try TLSClientContextCache.shared.context(for: configuration.tls, logger: configuration.logger)
        }
    }
}
