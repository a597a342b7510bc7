internal import LibWebSockets

/// Runs a client through ``CertificateCase``s, each against a server of its own in this process, and says where it is wrong.
///
/// The client is whatever `client` calls, this package's or another one. It is called once for each connection that a case
/// consists of; the calls of one case follow each other, those of different cases run in parallel.
///
/// ```swift
/// let report = try await verifyClient { url, trust in
///     let socket = try await WebSocket.connect(
///         to: url, configuration: WebSocketConfiguration(tls: trust.tls, connectTimeout: .seconds(3)))
///     await socket.close()
/// }
/// #expect(report.wrong.isEmpty, "\(report)")
/// ```
///
/// A case that says nothing about the client is skipped, which is no error, so that a run may be of one case: where all of them
/// may be skipped, expect ``ClientVerificationReport/judged`` not to be empty.
///
/// Nothing is left behind: neither servers nor threads nor files. A call that has not returned when its time is over counts as
/// wrong; its task is cancelled and not waited for.
///
/// - Parameters:
///   - cases: The cases to run. Leave out what the client does not claim to do, such as revocation lists:
///     `CertificateCase.allCases.filter { $0.need != .revocationLists }`.
///   - timeLimit: The time limit for one call, longer than zero; the default is a minute, for machines that are busy. The
///     client's own time limit has to be shorter, or it is wrong about ``CertificateCase/handshakeStalled``.
///   - limit: The most cases that run at once, at least 1.
///   - connectsByAddress: Says that the client connects to ``CertificateCase/Trust/address`` and takes the host for the
///     name that it verifies. Otherwise the cases whose host has a dot, ``CertificateCase/wildcard`` and
///     ``CertificateCase/wildcardWrongDepth``, are skipped on machines that do not know such names (RFC 6761 section 6.3).
///   - client: Connects to the URL, a `wss:` one, trusting no one but `trust.authorityPEM`; may send messages, which come back,
///     and closes. It returns when all was in order and throws when it was not.
/// - Throws: ``FaultServerError`` when there is no case to run, or with ``CertificateError`` when the servers cannot be
///   started, `CancellationError` when the task is cancelled. Errors of `client` are in the report.
public func verifyClient(
    _ cases: [CertificateCase] = CertificateCase.allCases, within timeLimit: Duration = .seconds(60),
    concurrently limit: Int = 16, connectsByAddress: Bool = false,
    _ client: @escaping @Sendable (_ url: String, _ trust: CertificateCase.Trust) async throws -> Void
) async throws -> ClientVerificationReport {
    try await ClientVerification(cases, within: timeLimit, concurrently: limit, connectsByAddress: connectsByAddress)
        .run { connection in
            do {
                try await client(connection.url, connection.trust)
                return .accepted
            } catch {
                return .refused("\(error)")
            }
        }
}
