internal import COpenSSL
public import WebSocketProtocol

/// A client's view of a server's TLS, with everything that the client's configuration has against it.
///
/// A connection ends at the first check that fails; an inspection lists all of them, and shows even the certificates of a
/// server that cannot be trusted. `lwscat tls` prints it.
public struct TLSInspection: Sendable {
    /// Version, cipher suite and the server's own certificate.
    public let connection: TLSConnectionInfo
    /// The certificates as the server sent them: its own, then those that are to lead to a root. One that cannot be read
    /// is left out.
    public let certificates: [PeerCertificate]
    /// The server has asked for a client certificate. With TLS 1.3, only a later message says whether it insists on one.
    public let asksForClientCertificate: Bool
    /// The faults of the certificates, each once, in the order in which OpenSSL found them; a connection fails with the
    /// first. Each has its ``WebSocketError/tlsFailure``. Empty when a connection would go on.
    public let failures: [WebSocketError]

    /// `nil` before the handshake is complete.
    init?(_ ssl: OpaquePointer, asksForCertificate: Bool, failures: [WebSocketError]) {
        guard let connection = unsafe TLSConnectionInfo(ssl) else { return nil }
        self.connection = connection
        let chain = unsafe SSL_get_peer_cert_chain(ssl)
        certificates = (0..<(unsafe copenssl_sk_X509_num(chain))).compactMap { index in
            unsafe copenssl_sk_X509_value(chain, index).flatMap { unsafe PeerCertificate(reading: $0) }
        }
        asksForClientCertificate = asksForCertificate
        self.failures = failures
    }
}

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

/// The end of an attempt that inspects, when there was something to see.
struct InspectionIsDone: Error {
    let inspection: TLSInspection
}
