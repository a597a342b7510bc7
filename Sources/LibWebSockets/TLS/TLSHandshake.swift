internal import COpenSSL

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// One TLS connection attempt of a client: what it expects of the server, and why it failed.
///
/// Use: make it before the connection, announce the socket with ``expect(onSocket:)`` as soon as TCP is up
/// (`LWS_CALLBACK_WSI_CREATE`), call ``complete(_:)`` with the `SSL*` when TLS is up and before the first byte of HTTP
/// (`LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER`), and ask ``error(errno:)`` when the connection failed. A server that
/// speaks TLS 1.3 refuses a client certificate after the client's handshake is complete, so ``failure`` may appear later,
/// while the response is awaited.
///
/// The `SSL*` keeps it alive from the start of the handshake on, for OpenSSL's callbacks.
///
/// `@unchecked Sendable`: after `init` it is touched only on the thread of the connection's loop, where OpenSSL's callbacks
/// run too. `PendingTLSHandshakes` only carries it from that thread to that thread.
final class TLSHandshake: @unchecked Sendable {
    let context: TLSClientContext
    /// The URL's host and port, for messages.
    let server: String
    /// What the certificate must be for.
    let expectedName: TLSPeerName
    private let sessionKey: TLSSessionStore.Key

    /// The first thing that went wrong; everything after it is a consequence.
    private(set) var failure: TLSFailure?
    private var failureMessage: String?
    private var isComplete = false
    private var isPinFound = false
    private var certificateWasRequested = false
    private var offeredSession = false

    /// - Parameters:
    ///   - host: the URL's host: a DNS name or an IP address, IPv6 without brackets.
    ///   - port: of the URL; sessions are kept per port.
    /// - Throws: `invalidConfiguration` when a certificate cannot be for this host: it is empty, not ASCII, and so on.
    init(context: TLSClientContext, host: String, port: Int) throws(WebSocketError) {
        self.context = context
        expectedName = try TLSPeerName(context.configuration.serverName ?? host)
        server = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        sessionKey = TLSSessionStore.Key(name: expectedName, port: port)
    }

    /// Announces that the next TLS handshake on this socket is this one. Without it the handshake fails.
    func expect(onSocket socket: Int32) {
        context.pendingHandshakes.insert(self, socket: socket)
    }

    /// Checks once more, from the outcome, that the server was verified, and says what was agreed on.
    ///
    /// - Throws: ``error(errno:)`` when it was not; nothing may be sent then.
    func complete(_ ssl: OpaquePointer) throws(WebSocketError) -> TLSConnectionInfo {
        guard failure == nil, unsafe Self.of(ssl) === self, unsafe SSL_get_verify_result(ssl) == Int(X509_V_OK),
            let info = unsafe TLSConnectionInfo(ssl)
        else { throw error() }
        // A resumed session was checked when it began, by a handshake of the same context.
        if !context.configuration.pinnedKeys.isEmpty, !isPinFound, !info.isResumed {
            record(TLSFailure(reason: .pinMismatch, depth: 0, openSSLCode: Int(X509_V_ERR_APPLICATION_VERIFICATION)))
            throw error()
        }
        isComplete = true
        return info
    }

    /// Why TLS could not be established: `tlsFailed` with the check that failed, or `connectionLost` when the
    /// connection just ended.
    func error(errno code: Int32? = nil) -> WebSocketError {
        if let failure, let failureMessage {
            return WebSocketError(.tlsFailed, stage: .tls, message: failureMessage, tlsFailure: failure, errno: code)
        }
        let cause = code.map { unsafe ": " + String(cString: strerror($0)) } ?? ""
        return WebSocketError(
            .connectionLost, stage: .tls,
            message: "\(server) closed the connection during the TLS handshake, without an alert\(cause).", errno: code)
    }

    private func record(_ failure: TLSFailure, certificate: TLSFailureMessage.Certificate? = nil) {
        guard self.failure == nil else { return }
        self.failure = failure
        failureMessage =
            TLSFailureMessage(
                failure: failure, server: server, configuration: context.configuration, certificate: certificate
            ).text
        if offeredSession { context.sessions.removeAll(for: sessionKey) }
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

    /// Binds the `SSL*` that is about to send its ClientHello to the handshake announced for its socket.
    fileprivate static func begin(_ ssl: OpaquePointer) {
        // From here on only our callback decides; should anything below fail, it refuses every certificate.
        unsafe SSL_set_verify(ssl, SSL_VERIFY_PEER, refuseCertificate)
        guard let handshake = unsafe PendingTLSHandshakes.of(ssl)?.take(socket: SSL_get_fd(ssl)) else { return }
        let reference = unsafe Unmanaged.passRetained(handshake).toOpaque()
        guard unsafe SSL_set_ex_data(ssl, index, reference) == 1 else {
            unsafe Unmanaged<TLSHandshake>.fromOpaque(reference).release()
            return
        }
        guard unsafe handshake.setExpectations(on: ssl) else { return }
        unsafe SSL_set_verify(ssl, SSL_VERIFY_PEER, tlsVerifyCallback)
        unsafe handshake.offerSession(on: ssl)
    }

    private static let alpn: [UInt8] = [8] + Array("http/1.1".utf8)

    private func setExpectations(on ssl: OpaquePointer) -> Bool {
        guard let parameters = unsafe SSL_get0_param(ssl) else { return false }
        // RFC 9525: wildcards stand for one whole label, and the subject's common name is no host name.
        unsafe X509_VERIFY_PARAM_set_hostflags(
            parameters, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))
        guard unsafe SSL_set_alpn_protos(ssl, Self.alpn, UInt32(Self.alpn.count)) == 0 else { return false }
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
        guard let session = context.sessions.take(for: sessionKey, now: time(nil)),
            // A copy, because freeing the `SSL*` spoils the session it holds; see `tlsNewSessionCallback`.
            let copy = unsafe OpenSSLObject(
                SSL_SESSION_dup(session.pointer), releasedBy: { unsafe SSL_SESSION_free($0) })
        else { return }
        offeredSession = unsafe SSL_set_session(ssl, copy.pointer) == 1
    }
}

// MARK: - Verification

extension TLSHandshake {
    /// One step of the verification of the server's chain: `X509_STORE_CTX_set_verify_cb(3)`.
    ///
    /// OpenSSL ends each verification with the server's own certificate (depth 0) `preverified`, also after a fault that
    /// was accepted; that is where the pins are checked, against the chain it built.
    fileprivate func verify(preverified: Bool, store: OpaquePointer) -> Bool {
        let depth = unsafe X509_STORE_CTX_get_error_depth(store)
        guard preverified else { return unsafe judgeFault(in: store, depth: depth) }
        guard depth == 0, !context.configuration.pinnedKeys.isEmpty, !isPinFound else { return true }

        let chain = unsafe X509_STORE_CTX_get0_chain(store)
        var seen: [SPKIPin] = []
        for index in 0..<(unsafe copenssl_sk_X509_num(chain)) {
            guard let certificate = unsafe copenssl_sk_X509_value(chain, index),
                let pin = unsafe SPKIPin(sha256: X509Reading.publicKeyHash(of: certificate))
            else { continue }
            seen.append(pin)
        }
        isPinFound = seen.contains { context.configuration.pinnedKeys.contains($0) }
        if isPinFound { return true }
        unsafe X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION)
        unsafe recordFault(
            .pinMismatch, code: X509_V_ERR_APPLICATION_VERIFICATION, depth: 0, store: store, presentedPins: seen)
        return false
    }

    private func judgeFault(in store: OpaquePointer, depth: Int32) -> Bool {
        let code = unsafe X509_STORE_CTX_get_error(store)
        if context.configuration.insecurelyAccepts(code) {
            // libwebsockets and SSL_get_verify_result(3) look at the error, not at what the callback returned.
            unsafe X509_STORE_CTX_set_error(store, X509_V_OK)
            return true
        }
        let reason: TLSFailure.Reason
        switch code {
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
            let presented = unsafe X509_STORE_CTX_get0_cert(store).map { unsafe X509Reading.names(of: $0) }
            reason = .hostnameMismatch(expected: expectedName.text, presented: presented ?? [])
        default: reason = TLSFailure.Reason(verificationError: code)
        }
        unsafe recordFault(reason, code: code, depth: depth, store: store)
        return false
    }

    private func recordFault(
        _ reason: TLSFailure.Reason, code: Int32, depth: Int32, store: OpaquePointer, presentedPins: [SPKIPin] = []
    ) {
        let current = unsafe X509_STORE_CTX_get_current_cert(store) ?? X509_STORE_CTX_get0_cert(store)
        let failure = unsafe TLSFailure(
            reason: reason, depth: Int(depth),
            subject: current.map { unsafe X509Reading.subject(of: $0) },
            issuer: current.map { unsafe X509Reading.issuer(of: $0) }, openSSLCode: Int(code))
        let sent = unsafe copenssl_sk_X509_num(X509_STORE_CTX_get0_untrusted(store))
        let namesake = unsafe OpenSSLObject(
            X509_STORE_CTX_get_obj_by_subject(store, X509_LU_X509, current.flatMap { unsafe X509_get_issuer_name($0) }),
            releasedBy: { unsafe X509_OBJECT_free($0) })
        record(
            failure,
            certificate: unsafe TLSFailureMessage.Certificate(
                validity: current.flatMap { unsafe X509Reading.validity(of: $0) }.map { $0.notBefore...max($0.notBefore, $0.notAfter) },
                sentCertificates: Int(sent),
                issuerHasTrustedNamesake: namesake != nil, presentedPins: presentedPins))
    }
}

extension TLSConfiguration {
    /// Whether one of the insecure switches accepts this `X509_V_ERR_…`.
    fileprivate func insecurelyAccepts(_ code: Int32) -> Bool {
        switch code {
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
            X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_CERT_UNTRUSTED:
            insecureAcceptsUntrustedRoots
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH: insecureAcceptsAnyHostname
        case X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID: insecureAcceptsExpiredCertificates
        default: false
        }
    }
}

// MARK: - Events

extension TLSHandshake {
    fileprivate func received(_ alert: TLSAlert, inTLS13: Bool) {
        guard alert.endsConnection(inTLS13: inTLS13) else { return }
        let hasIdentity = context.configuration.clientIdentity != nil
        let reason: TLSFailure.Reason =
            if alert.isAboutVersion {
                .protocolVersion
            } else if !hasIdentity, alert.mayMeanMissingCertificate(wasRequested: certificateWasRequested) {
                .clientCertificateRequired
            } else if hasIdentity, certificateWasRequested, alert.mayMeanRefusedCertificate {
                .clientCertificateRefused(alert: alert.description)
            } else {
                .alert(alert.description)
            }
        record(TLSFailure(reason: reason, openSSLCode: Int(alert.code)))
    }

    /// OpenSSL gave up; its error queue says why, unless a certificate or an alert was the reason, or the connection
    /// only ended.
    fileprivate func failed(_ error: OpenSSLError) {
        guard let reason = TLSFailure.Reason(error) else { return }
        record(TLSFailure(reason: reason, openSSLCode: Int(error.code)))
    }

    fileprivate func serverRequestedCertificate() { certificateWasRequested = true }

    fileprivate func received(_ session: TLSSessionStore.Session) { context.sessions.insert(session, for: sessionKey) }
}

// MARK: - OpenSSL's callbacks

// All of them run inside SSL_connect, SSL_read or SSL_write, on the loop's thread.

/// Refuses: for an `SSL*` that no handshake was announced for.
func refuseCertificate(_: Int32, _ store: OpaquePointer?) -> Int32 {
    unsafe X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION)
    return 0
}

private func tlsVerifyCallback(_ preverified: Int32, _ store: OpaquePointer?) -> Int32 {
    guard let store = unsafe store,
        let ssl = unsafe X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()),
        let handshake = unsafe TLSHandshake.of(OpaquePointer(ssl))
    else { return 0 }
    return unsafe handshake.verify(preverified: preverified != 0, store: store) ? 1 : 0
}

func tlsInfoCallback(_ ssl: OpaquePointer?, _ event: Int32, _ value: Int32) {
    guard let ssl = unsafe ssl else { return }
    guard let handshake = unsafe TLSHandshake.of(ssl) else {
        if event & SSL_CB_HANDSHAKE_START != 0 { unsafe TLSHandshake.begin(ssl) }
        return
    }
    if event & SSL_CB_ALERT != 0 {
        if event & SSL_CB_READ != 0 {
            handshake.received(
                TLSAlert(infoCallbackValue: value), inTLS13: unsafe SSL_version(ssl) >= TLS1_3_VERSION)
        } else if let error = OpenSSLError.peek() {
            // Our own fatal alert: the reason is in the queue already.
            handshake.failed(error)
        }
    } else if event & SSL_CB_EXIT != 0, value <= 0, let error = OpenSSLError.peek() {
        handshake.failed(error)
    }
}

func tlsCertificateRequestCallback(_ ssl: OpaquePointer?, _: UnsafeMutableRawPointer?) -> Int32 {
    if let ssl = unsafe ssl, let handshake = unsafe TLSHandshake.of(ssl) { handshake.serverRequestedCertificate() }
    return 1
}

/// Keeps a copy: when libwebsockets frees an `SSL*` without `SSL_shutdown(3)`, OpenSSL marks the session it holds as not
/// resumable.
func tlsNewSessionCallback(_ ssl: OpaquePointer?, _ session: OpaquePointer?) -> Int32 {
    if let ssl = unsafe ssl, let handshake = unsafe TLSHandshake.of(ssl), let copy = unsafe SSL_SESSION_dup(session) {
        unsafe handshake.received(TLSSessionStore.Session(copy))
    }
    return 0
}

func tlsKeyLogCallback(_ ssl: OpaquePointer?, _ line: UnsafePointer<CChar>?) {
    guard let ssl = unsafe ssl, let line = unsafe line, let handshake = unsafe TLSHandshake.of(ssl) else { return }
    unsafe handshake.context.log(keyLine: line)
}
