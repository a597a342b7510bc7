internal import COpenSSL

/// Owner of a server's `SSL_CTX`.
@safe final class TLSServerContext: Sendable {
    /// OpenSSL's own locks make it usable from several threads once it is configured, which `init` does.
    nonisolated(unsafe) let sslContext: OpaquePointer

    init(_ configuration: TLSServerConfiguration) throws(WebSocketError) {
        try OpenSSLVersion.check()
        ERR_clear_error()
        guard let made = unsafe SSL_CTX_new(TLS_server_method()) else {
            throw OpenSSLError.failure(stage: .configuration, "OpenSSL cannot make a TLS context")
        }
        unsafe sslContext = made
        try unsafe configuration.configure(made)
        unsafe SSL_CTX_set_alpn_select_cb(made, selectHTTP11, nil)
    }

    deinit {
        unsafe SSL_CTX_free(sslContext)
    }
}

/// Chooses HTTP/1.1, over which alone RFC 6455 knows WebSocket. A client that offers something else alone is answered
/// without ALPN, and finds out by the response (RFC 7301 section 3.2 would have it refused; browsers offer both).
private func selectHTTP11(
    _: OpaquePointer?, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ chosenCount: UnsafeMutablePointer<UInt8>?,
    _ offered: UnsafePointer<UInt8>?, _ offeredCount: UInt32, _: UnsafeMutableRawPointer?
) -> CInt {
    var offset = 0
    while let offered = unsafe offered, offset < Int(offeredCount) {
        let count = Int(unsafe offered[offset])
        guard offset + 1 + count <= Int(offeredCount) else { break }
        let entry = unsafe UnsafeBufferPointer(start: offered + offset + 1, count: count)
        if unsafe entry.elementsEqual(ApplicationProtocol.http11) {
            unsafe chosen?.pointee = entry.baseAddress
            unsafe chosenCount?.pointee = UInt8(count)
            return SSL_TLSEXT_ERR_OK
        }
        offset += 1 + count
    }
    return SSL_TLSEXT_ERR_NOACK
}
