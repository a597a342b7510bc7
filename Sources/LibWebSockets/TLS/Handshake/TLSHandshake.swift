internal import COpenSSL
internal import WebSocketProtocol
internal import LibC

/// One TLS connection attempt of a client: what it expects of the server, and why it failed.
///
/// Use: make it before the connection, ``begin(output:)`` when what is sent reaches the server, call ``complete(_:)`` with
/// the `SSL*` when TLS stands and before the first byte of HTTP, and ask ``error(errno:)`` when the connection failed. A
/// server that speaks TLS 1.3 refuses a client certificate after the client's handshake is complete, so ``failure`` may
/// appear later, while the response is awaited.
///
/// The `SSL*` keeps it alive from the start of the handshake on, for OpenSSL's callbacks.
///
/// `@unchecked Sendable`: after `init` it is touched only on the thread of the connection's loop, where OpenSSL's callbacks
/// run too.
final class TLSHandshake: @unchecked Sendable {
    let context: TLSClientContext
    let configuration: TLSClientConfiguration
    /// The URL's host and port, for messages.
    let server: String
    /// The name that the certificate must be for.
    let expectedName: TLSPeerName
    private let sessionKey: TLSSessionStore.Key

    /// The first thing that went wrong; everything after it is a consequence.
    private(set) var failure: TLSFailure?
    /// OpenSSL has begun the handshake.
    private(set) var hasBegun = false
    private var failureMessage: String?
    /// Set when nothing is to come of the handshake but what it shows.
    let isInspection: Bool
    /// The faults of the certificates that an inspection has found so far.
    private(set) var faults: [WebSocketError] = []
    /// The result of an inspection, once the handshake is complete.
    private(set) var inspection: TLSInspection?
    var isPinFound = false
    /// The end of the stapled response that the certificate was verified with, in seconds since 1970.
    var stapleExpiry: Int64?
    private var certificateWasRequested = false
    private var offeredSession: TLSSessionStore.Session?

    /// - Parameters:
    ///   - configuration: The configuration that `context` was made for, or another with the same `sharedPart`.
    ///   - host: The URL's host: a DNS name or an IP address, IPv6 without brackets.
    ///   - port: The port of the URL; sessions are kept per port.
    ///   - isInspection: Goes on at faults of the certificates and only remembers them. The handshake then never completes:
    ///     ``complete(_:)`` always throws, and nothing is sent to the server.
    /// - Throws: `invalidConfiguration` for a host that no certificate can be for: it is empty, not ASCII, and so on.
    init(
        context: TLSClientContext, configuration: TLSClientConfiguration, host: String, port: Int,
        isInspection: Bool = false
    ) throws(WebSocketError) {
        self.context = context
        self.configuration = configuration
        self.isInspection = isInspection
        expectedName = try TLSPeerName(configuration.serverName ?? host)
        server = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        sessionKey = TLSSessionStore.Key(name: expectedName, port: port, configuration: configuration)
    }

    /// Begins the handshake: the `SSL*` is bound to this before it sends its ClientHello.
    func begin(output: FrameBuffer) throws(WebSocketError) -> TLSStream {
        let stream = try unsafe TLSStream(connectingWith: context.sslContext, output: output)
        unsafe bind(to: stream.ssl)
        return stream
    }

    /// Checks once more, from the outcome, that the server was verified, and says what was agreed on.
    ///
    /// - Throws: ``error(errno:)`` when it was not; nothing may be sent then.
    func complete(_ ssl: OpaquePointer) throws(WebSocketError) -> TLSConnectionInfo {
        if isInspection {
            inspection = unsafe TLSInspection(ssl, asksForCertificate: certificateWasRequested, failures: faults)
            throw error()
        }
        guard failure == nil, unsafe Self.of(ssl) === self, unsafe SSL_get_verify_result(ssl) == Int(X509_V_OK),
            let info = unsafe TLSConnectionInfo(ssl)
        else { throw error() }
        // A resumed session was checked when it began, by a handshake of the same context.
        if !configuration.pinnedKeys.isEmpty, !isPinFound, !info.isResumed {
            record(TLSFailure(reason: .pinMismatch, depth: 0, openSSLCode: Int(X509_V_ERR_APPLICATION_VERIFICATION)))
            throw error()
        }
        // OpenSSL verifies nothing with a cipher suite without authentication, which the system's configuration may offer.
        if info.peerCertificate == nil {
            record(TLSFailure(reason: .other, detail: "the server showed no certificate", depth: 0))
            throw error()
        }
        try unsafe checkApplicationProtocol(of: ssl)
        return info
    }

    /// OpenSSL takes whatever protocol the server names for one that was offered (RFC 7301 section 3.2).
    private func checkApplicationProtocol(of ssl: OpaquePointer) throws(WebSocketError) {
        var name: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        unsafe SSL_get0_alpn_selected(ssl, &name, &count)
        let chosen = unsafe Array(UnsafeBufferPointer(start: name, count: Int(count)))
        guard !chosen.isEmpty, chosen != Array(Self.alpn.dropFirst()) else { return }
        let shown = String(decoding: chosen, as: UTF8.self).visible(limit: 100)
        record(TLSFailure(reason: .other, detail: "it chose the protocol \"\(shown)\", which was not offered (ALPN)"))
        throw error()
    }

    /// Returns the error for TLS that could not be established: `tlsFailed` with the check that failed, or `connectionLost`
    /// when the connection just ended.
    ///
    /// - Parameter code: The system's error number, where the socket had one.
    func error(errno code: Int32? = nil) -> WebSocketError {
        if let failure, let failureMessage {
            return WebSocketError(.tlsFailed, stage: .tls, message: failureMessage, tlsFailure: failure, errno: code)
        }
        guard hasBegun else {
            return WebSocketError(
                .tlsFailed,
                stage: .tls,
                message: "The TLS handshake with \(server) never began.",
                errno: code
            )
        }
        let cause = code.map { unsafe ": " + String(cString: strerror($0)) } ?? ""
        return WebSocketError(
            .connectionLost, stage: .tls,
            message: "\(server) closed the connection during the TLS handshake, without an alert\(cause).\(hint)",
            errno: code)
    }

    /// A sentence on what may explain that a server closes the connection without a word: Python's asyncio, for one, sends
    /// no alert when it refuses a client certificate. It has a space before it, or is empty.
    var hint: String {
        guard certificateWasRequested else { return "" }
        return configuration.clientIdentity == nil
            ? " It had asked for a client certificate, and none is configured."
            : " It had asked for a client certificate, and may have refused the configured one."
    }

    func record(_ failure: TLSFailure, certificate: TLSFailureMessage.Certificate? = nil) {
        guard self.failure == nil else { return }
        let message =
            TLSFailureMessage(
                failure: failure, server: server, configuration: configuration, offered: context.offeredVersions,
                certificate: certificate
            ).text
        if isInspection, failure.depth != nil {
            // A chain that leads nowhere is complained about more than once.
            guard !faults.contains(where: { $0.tlsFailure?.reason == failure.reason }) else { return }
            return faults.append(WebSocketError(.tlsFailed, stage: .tls, message: message, tlsFailure: failure))
        }
        self.failure = failure
        failureMessage = message
        if offeredSession != nil { context.sessions.removeAll(for: sessionKey) }
    }
}

// MARK: - Start

extension TLSHandshake {
    private static let index = unsafe copenssl_SSL_get_ex_new_index(releaseExtraData)

    /// The handshake that an `SSL*` is bound to.
    static func of(_ ssl: OpaquePointer) -> TLSHandshake? {
        guard let reference = unsafe SSL_get_ex_data(ssl, index) else { return nil }
        return unsafe Unmanaged<TLSHandshake>.fromOpaque(reference).takeUnretainedValue()
    }

    /// Binds the `SSL*` to this handshake. Should anything fail, it refuses every certificate.
    func bind(to ssl: OpaquePointer) {
        unsafe SSL_set_verify(ssl, SSL_VERIFY_PEER, refuseCertificate)
        let reference = unsafe Unmanaged.passRetained(self).toOpaque()
        guard unsafe SSL_set_ex_data(ssl, Self.index, reference) == 1 else {
            unsafe Unmanaged<TLSHandshake>.fromOpaque(reference).release()
            return
        }
        hasBegun = true
        guard unsafe setExpectations(on: ssl) else { return }
        unsafe SSL_set_verify(ssl, SSL_VERIFY_PEER, tlsVerifyCallback)
        // A resumed handshake shows no certificates.
        if !isInspection { unsafe offerSession(on: ssl) }
    }

    private static let alpn = [UInt8(ApplicationProtocol.http11.count)] + ApplicationProtocol.http11

    private func setExpectations(on ssl: OpaquePointer) -> Bool {
        guard let parameters = unsafe SSL_get0_param(ssl) else { return false }
        // RFC 9525: wildcards stand for one whole label, and the subject's common name is no host name.
        unsafe X509_VERIFY_PARAM_set_hostflags(
            parameters, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))
        guard unsafe SSL_set_alpn_protos(ssl, Self.alpn, UInt32(Self.alpn.count)) == 0 else { return false }
        if configuration.ocspStapling != .ignored { unsafe copenssl_SSL_ask_for_ocsp_response(ssl) }
        switch expectedName {
        case .dnsName(let name):
            return unsafe X509_VERIFY_PARAM_set1_ip(parameters, nil, 0) == 1
                && X509_VERIFY_PARAM_set1_host(parameters, name, name.utf8.count) == 1
                && copenssl_SSL_set_tlsext_host_name(ssl, name) == 1
        case .ipAddress(_, let bytes):
            // RFC 6066 section 3: no IP address in SNI.
            return unsafe X509_VERIFY_PARAM_set1_host(parameters, nil, 0) == 1
                && X509_VERIFY_PARAM_set1_ip(parameters, bytes, bytes.count) == 1
                && copenssl_SSL_set_tlsext_host_name(ssl, nil) == 1
        }
    }

    private func offerSession(on ssl: OpaquePointer) {
        let maximumAge = configuration.maximumSessionAge.components.seconds
        guard let session = context.sessions.take(for: sessionKey, maximumAge: maximumAge),
            // A copy, because freeing the `SSL*` spoils the session it holds; see `tlsNewSessionCallback`.
            let copy = unsafe OpenSSLObject(
                SSL_SESSION_dup(session.pointer), releasedBy: { unsafe SSL_SESSION_free($0) })
        else { return }
        if unsafe SSL_set_session(ssl, copy.pointer) == 1 { offeredSession = session }
    }
}

// MARK: - Events

extension TLSHandshake {
    func received(_ alert: TLSAlert, inTLS13: Bool) {
        guard alert.endsConnection(inTLS13: inTLS13) else { return }
        let hasIdentity = configuration.clientIdentity != nil
        let reason: TLSFailure.Reason =
            if alert.isAboutVersion {
                .protocolVersion
            } else if !hasIdentity, alert.mayMeanMissingCertificate(wasRequested: certificateWasRequested) {
                .clientCertificateRequired
            } else if hasIdentity, certificateWasRequested, alert.mayMeanRefusedCertificate {
                .clientCertificateRefused
            } else {
                .alert
            }
        let isNamed = reason == .alert || reason == .clientCertificateRefused
        record(
            TLSFailure(reason: reason, detail: isNamed ? alert.description : nil, openSSLCode: Int(alert.code)))
    }

    /// OpenSSL gave up; its error queue says why, unless a certificate or an alert was the reason, or the connection
    /// only ended.
    func failed(_ error: OpenSSLError) {
        guard let reason = TLSFailure.Reason(error) else { return }
        record(
            TLSFailure(reason: reason, detail: reason == .other ? error.text : nil, openSSLCode: Int(error.code)))
    }

    func serverRequestedCertificate() { certificateWasRequested = true }

    /// The server gave a session (a ticket) for later connections. Takes over the reference.
    func received(session: OpaquePointer, on ssl: OpaquePointer) {
        // Its certificates may be anybody's.
        guard !isInspection else { return unsafe SSL_SESSION_free(session) }
        let verification: TLSSessionStore.Verification
        if unsafe SSL_session_reused(ssl) == 1 {
            // No certificate was looked at: a verification does not become newer when its session is taken up.
            guard let offeredSession else { return unsafe SSL_SESSION_free(session) }
            verification = offeredSession.verification
        } else {
            let expiries = unsafe [Self.expiry(ofChainOf: ssl), context.revocationListExpiry, stapleExpiry]
            verification = context.sessions.verification(expiry: expiries.compactMap(\.self).min() ?? .min)
        }
        context.sessions.insert(
            unsafe TLSSessionStore.Session(
                session, verification: verification, chainSize: Self.size(ofChainPresentedTo: ssl)), for: sessionKey)
    }

    private static func size(ofChainPresentedTo ssl: OpaquePointer) -> Int {
        let chain = unsafe SSL_get_peer_cert_chain(ssl)
        // -1 where there is no chain.
        return unsafe (0..<max(0, copenssl_sk_X509_num(chain))).reduce(0) { size, index in
            unsafe size + Int(max(0, i2d_X509(copenssl_sk_X509_value(chain, index), nil)))
        }
    }

    /// The first end of validity in the chain that was verified; long ago where there is none, or one cannot be read.
    private static func expiry(ofChainOf ssl: OpaquePointer) -> Int64 {
        let chain = unsafe SSL_get0_verified_chain(ssl)
        // -1 where there is no chain.
        let count = unsafe max(0, copenssl_sk_X509_num(chain))
        let ends = (0..<count).map { index in
            unsafe copenssl_sk_X509_value(chain, index).flatMap { unsafe X509Reading.validity(of: $0)?.notAfter }
                ?? .min
        }
        return ends.min() ?? .min
    }
}

/// Called by OpenSSL when an `SSL` is freed, with what was stored in it: always a retained Swift object.
private func releaseExtraData(
    _: UnsafeMutableRawPointer?, _ reference: UnsafeMutableRawPointer?, _: UnsafeMutablePointer<CRYPTO_EX_DATA>?,
    _: Int32, _: Int, _: UnsafeMutableRawPointer?
) {
    guard let reference = unsafe reference else { return }
    unsafe Unmanaged<AnyObject>.fromOpaque(reference).release()
}
