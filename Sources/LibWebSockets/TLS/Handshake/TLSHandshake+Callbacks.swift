internal import COpenSSL

// OpenSSL's callbacks. All of them run inside SSL_connect, SSL_read or SSL_write, on the loop's thread.

/// Refuses: for an `SSL*` that no handshake was announced for.
func refuseCertificate(_: Int32, _ store: OpaquePointer?) -> Int32 {
    unsafe X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION)
    return 0
}

func tlsVerifyCallback(_ preverified: Int32, _ store: OpaquePointer?) -> Int32 {
    guard let store = unsafe store,
        let ssl = unsafe X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()),
        let handshake = unsafe TLSHandshake.of(OpaquePointer(ssl))
    else { return 0 }
    return unsafe handshake.verify(preverified: preverified != 0, store: store) ? 1 : 0
}

func tlsInfoCallback(_ ssl: OpaquePointer?, _ event: Int32, _ value: Int32) {
    guard let ssl = unsafe ssl, let handshake = unsafe TLSHandshake.of(ssl) else { return }
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

/// Refuses with the alert bad_certificate_status_response (RFC 6066 section 8).
func tlsStatusCallback(_ ssl: OpaquePointer?, _: UnsafeMutableRawPointer?) -> Int32 {
    guard let ssl = unsafe ssl, let handshake = unsafe TLSHandshake.of(ssl) else { return 0 }
    return unsafe handshake.checkStapledResponse(on: ssl) ? 1 : 0
}

/// Keeps a copy: when libwebsockets frees an `SSL*` without `SSL_shutdown(3)`, OpenSSL marks the session it holds as not
/// resumable.
func tlsNewSessionCallback(_ ssl: OpaquePointer?, _ session: OpaquePointer?) -> Int32 {
    if let ssl = unsafe ssl, let handshake = unsafe TLSHandshake.of(ssl), let copy = unsafe SSL_SESSION_dup(session) {
        unsafe handshake.received(session: copy, on: ssl)
    }
    return 0
}

func tlsKeyLogCallback(_ ssl: OpaquePointer?, _ line: UnsafePointer<CChar>?) {
    guard let ssl = unsafe ssl, let line = unsafe line, let handshake = unsafe TLSHandshake.of(ssl) else { return }
    unsafe handshake.context.log(keyLine: line)
}
