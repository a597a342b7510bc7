import COpenSSL
internal import LibC

/// The bytes of one connection, plain or under TLS. Belongs to the connection's thread.
final class FaultServerStream {
    /// The result of a single attempt to read or write.
    enum Attempt {
        case done(Int)
        /// Nothing can be done before one of these events of poll(2).
        case blocked(Int32)
        case endOfStream
    }

    private let socket: Int32
    private let interrupt: FaultServerInterrupt
    private var ssl: OpaquePointer?
    private(set) var isOpen = true
    /// The alert of the peer's that ended TLS.
    private(set) var receivedAlert: UInt8?
    /// TLS failed because the peer just ended the connection.
    private(set) var hasReachedEnd = false

    /// The event of poll(2) that means: something can be read.
    static let readable = POLLIN

    init(socket: Int32, interrupt: FaultServerInterrupt) {
        self.socket = socket
        self.interrupt = interrupt
    }

    deinit { end() }

    /// Makes the TLS handshake; reads and writes are under TLS from then on.
    ///
    /// - Parameters:
    ///   - limit: The time limit for each of the peer's steps.
    ///   - prepare: Prepares the `SSL*` before.
    func startTLS(
        _ context: FaultServerTLSContext, within limit: Duration? = nil, prepare: (OpaquePointer) -> Void = { _ in }
    ) throws(FaultServerStreamError) {
        guard let ssl = SSL_new(context.pointer), SSL_set_fd(ssl, socket) == 1 else {
            throw .tls(OpenSSLErrors.drain())
        }
        self.ssl = ssl
        prepare(ssl)
        while true {
            ERR_clear_error()
            let result = SSL_accept(ssl)
            switch try attempt((count: Int(result), errno: errno), blockedUntil: POLLIN) {
            case .blocked(let events):
                guard try wait(events, atMost: limit) != 0 else { throw .peerClosed }
            case .endOfStream: throw .peerClosed
            case .done: return
            }
        }
    }

    /// Reads what there is, waiting for at least one byte; an empty result is the end of the stream.
    func read() throws(FaultServerStreamError) -> [UInt8] {
        while true {
            var bytes: [UInt8] = []
            switch try attemptRead(appendingTo: &bytes) {
            case .done: return bytes
            case .blocked(let events): try wait(events)
            case .endOfStream: return []
            }
        }
    }

    func attemptRead(appendingTo bytes: inout [UInt8]) throws(FaultServerStreamError) -> Attempt {
        var result: (count: Int, errno: Int32) = (0, 0)
        bytes += [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, initialized in
            if let ssl {
                ERR_clear_error()
                result.count = Int(SSL_read(ssl, buffer.baseAddress, Int32(buffer.count)))
            } else {
                result.count = recv(socket, buffer.baseAddress, buffer.count, 0)
            }
            result.errno = errno
            initialized = max(result.count, 0)
        }
        return try attempt(result, blockedUntil: POLLIN)
    }

    func attemptWrite(_ bytes: ArraySlice<UInt8>) throws(FaultServerStreamError) -> Attempt {
        let result = bytes.withUnsafeBytes { buffer in
            let count: Int
            if let ssl {
                ERR_clear_error()
                count = Int(SSL_write(ssl, buffer.baseAddress, Int32(clamping: buffer.count)))
            } else {
                count = send(socket, buffer.baseAddress, buffer.count, 0)
            }
            return (count: count, errno: errno)
        }
        return try attempt(result, blockedUntil: POLLOUT)
    }

    /// Waits for events of poll(2) on the connection and tells which came.
    @discardableResult
    func wait(_ events: Int32, atMost duration: Duration? = nil) throws(FaultServerStreamError) -> Int32 {
        switch interrupt.wait(for: socket, events: events, atMost: duration) {
        case .ready(let events): return Int32(events)
        case .timedOut: return 0
        case .fired: throw .stopped
        }
    }

    /// Waits for nothing but the time.
    func pause(_ duration: Duration) throws(FaultServerStreamError) {
        if interrupt.wait(for: -1, events: 0, atMost: duration) == .fired { throw .stopped }
    }

    /// Waits until the peer has closed its side, without reading what it sent before.
    func waitForPeerToClose() throws(FaultServerStreamError) -> Never {
        #if os(Linux)
            // POLLRDHUP (poll(2)), which the headers show to GNU sources only.
            let events = try wait(0x2000)
        #else
            // poll(2) reports POLLHUP by itself when the peer has closed.
            let events = try wait(0)
        #endif
        throw events & POLLERR == 0 ? .peerClosed : .peerReset
    }

    func sendCloseNotify() {
        guard let ssl else { return }
        ERR_clear_error()
        _ = SSL_shutdown(ssl)
    }

    /// Makes further reads and writes go over the bare connection.
    func dropTLS() {
        if let ssl { SSL_free(ssl) }
        ssl = nil
    }

    func shutDownWriting() {
        _ = shutdown(socket, Int32(SHUT_WR))
    }

    /// Closes with a TCP reset: a linger time of 0 (socket(7), SO_LINGER).
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout.size(ofValue: option)))
        end()
    }

    func end() {
        guard isOpen else { return }
        isOpen = false
        dropTLS()
        _ = close(socket)
    }

    /// Returns the meaning of a call's result, with the `errno` it left.
    private func attempt(
        _ result: (count: Int, errno: Int32),
        blockedUntil events: Int32
    ) throws(FaultServerStreamError) -> Attempt {
        if result.count > 0 { return .done(result.count) }
        guard let ssl else {
            if result.count == 0 { return .endOfStream }
            if [EAGAIN, EWOULDBLOCK, EINTR].contains(result.errno) { return .blocked(events) }
            throw .peerReset
        }
        switch SSL_get_error(ssl, Int32(result.count)) {
        case SSL_ERROR_WANT_READ: return .blocked(POLLIN)
        case SSL_ERROR_WANT_WRITE: return .blocked(POLLOUT)
        case SSL_ERROR_ZERO_RETURN: return .endOfStream
        case SSL_ERROR_SYSCALL: throw .peerReset
        default:
            noteCause(ERR_peek_error())
            throw .tls(OpenSSLErrors.drain())
        }
    }

    private func noteCause(_ code: UInt) {
        let reason = copenssl_ERR_GET_REASON(code)
        // The reasons above SSL_AD_REASON_OFFSET are the peer's alerts.
        if reason > SSL_AD_REASON_OFFSET { receivedAlert = UInt8(truncatingIfNeeded: reason - SSL_AD_REASON_OFFSET) }
        hasReachedEnd = reason == SSL_R_UNEXPECTED_EOF_WHILE_READING
    }
}
