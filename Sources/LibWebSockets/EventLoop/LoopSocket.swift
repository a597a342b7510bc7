internal import CLibwebsockets
internal import COpenSSL

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What libwebsockets reports about one socket.
@safe enum LoopSocketEvent {
    /// The TCP connection of a client stands; its TLS handshake, if any, begins right after.
    case connected
    /// libwebsockets has written its request and lets us add to it: `cursor` points behind it, `room` bytes are left.
    case appendRequest(cursor: UnsafeMutablePointer<UnsafeMutablePointer<CChar>>, room: Int)
    /// The whole head of the response is there.
    case responseHead
    /// Bytes can be read.
    case readable
    /// Bytes that were read, to be used before returning.
    case bytes(UnsafeMutableRawBufferPointer)
    /// The socket takes bytes.
    case writable
    /// The HTTP response is complete.
    case completed
    /// The connection could not be made, in libwebsockets' words.
    case failed(String)
    /// The connection has ended.
    case closed
}

/// A socket of the loop: what `opaque_user_data` of libwebsockets' `struct lws` points at.
///
/// Lives on the loop's thread. The core keeps it from the moment libwebsockets knows it until `WSI_DESTROY`, the last
/// that libwebsockets says about a socket.
@safe class LoopSocket {
    let core: LoopCore
    /// libwebsockets' handle; `nil` before it exists and after libwebsockets destroyed it.
    final var wsi: OpaquePointer?
    /// Whether a ``LoopSocketEvent/writable`` was asked for and has not come.
    private final var awaitsWritable = false
    /// Whether libwebsockets has given the connection up, which it may destroy later.
    private final var hasEnded = false
    private final var isAborted = false

    init(core: LoopCore) {
        self.core = core
    }

    /// Handles what libwebsockets reports. Returns false to make it close the connection.
    func handle(_ event: LoopSocketEvent) -> Bool {
        true
    }

    /// Keeps book of what libwebsockets reports; comes before ``handle(_:)``.
    final func note(_ event: LoopSocketEvent) {
        switch event {
        case .writable: awaitsWritable = false
        case .closed, .failed: hasEnded = true
        default: break
        }
    }

    /// The loop ends: the socket will be destroyed, report that to whoever waits.
    func loopEnds() {}

    /// libwebsockets has forgotten the socket.
    func destroyed() {}

    // MARK: - What a connection does with its socket

    /// Asks for a ``LoopSocketEvent/writable`` when the socket takes bytes.
    final func requestWrite() {
        core.preconditionOnLoop()
        guard let wsi = unsafe wsi else { return }
        awaitsWritable = true
        unsafe lws_callback_on_writable(wsi)
    }

    /// Whether libwebsockets still holds bytes the socket did not take. It must get no more until then.
    final var hasBufferedOutput: Bool {
        guard let wsi = unsafe wsi else { return false }
        return unsafe lws_partial_buffered(wsi) != 0
    }

    /// Writes `bytes`; what the socket does not take now, libwebsockets copies and writes later. Only while handling
    /// ``LoopSocketEvent/writable``, and with `LWS_PRE` bytes of room in front of `bytes`. False when the socket is dead.
    final func write(_ bytes: UnsafeMutableRawBufferPointer) -> Bool {
        core.preconditionOnLoop()
        guard let wsi = unsafe wsi else { return false }
        let start = unsafe bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        return unsafe lws_write(wsi, start, bytes.count, clws_write_raw) >= 0
    }

    /// The error that the system holds for this socket, such as `ECONNRESET`; asking clears it (`SO_ERROR`, socket(7)).
    /// libuv reports every error as a mere hang-up, upon which libwebsockets closes without looking.
    final var systemError: Int32? {
        guard let wsi = unsafe wsi else { return nil }
        var error: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        let code = unsafe getsockopt(lws_get_socket_fd(wsi), SOL_SOCKET, SO_ERROR, &error, &length)
        return code == 0 && error != 0 ? error : nil
    }

    /// After ``LoopSocketEvent/closed``: hands over what had arrived before. libuv reports a reset as a mere hang-up, upon
    /// which libwebsockets closes without reading: the peer's last messages, its close frame or its TLS alert would be lost.
    ///
    /// Ask for ``systemError`` before, or it is all that `recv(2)` says.
    final func readLastWords(_ deliver: (UnsafeMutableRawBufferPointer) -> Bool) {
        guard let wsi = unsafe wsi else { return }
        // What OpenSSL thinks of the end of the connection is known already.
        ERR_clear_error()
        defer { ERR_clear_error() }
        while true {
            let count: Int
            if let ssl = unsafe lws_get_ssl(wsi) {
                count = Int(unsafe SSL_read(ssl, core.scratch.baseAddress, CInt(clamping: core.scratch.count)))
            } else {
                count = unsafe recv(
                    lws_get_socket_fd(wsi), core.scratch.baseAddress, core.scratch.count, CInt(MSG_DONTWAIT))
            }
            guard count > 0, unsafe deliver(UnsafeMutableRawBufferPointer(rebasing: core.scratch[..<count])) else {
                return
            }
        }
    }

    /// Drops the connection with all that is still buffered, soon: never inside the call, which may come from a callback.
    final func abort() {
        core.preconditionOnLoop()
        guard unsafe wsi != nil, !isAborted else { return }
        isAborted = true
        // After the turn: some callbacks are followed by a timeout of libwebsockets' own, which would take the place of ours.
        core.serviceAfterTurn(self)
    }

    private final func kill() {
        guard let wsi = unsafe wsi else { return }
        // Any reason but NO_PENDING_TIMEOUT; KILL_ASYNC takes the place of the seconds (lws-timeout-timer.h).
        unsafe lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC)
        core.noticeTimers()
    }

    /// Stops or resumes reading from the network.
    func setReading(_ isReading: Bool) {}

    // MARK: - What libwebsockets passes over

    /// After a read: makes the loop come back after its turn for what libwebsockets would leave.
    ///
    /// Where a socket is readable and writable at once, libwebsockets' HTTP client handles the former only: against a peer
    /// that floods, nothing would ever be written. And what OpenSSL has decrypted beyond the room there was shows on no
    /// socket: on libuv, 4.1.6 looks for it once after an event, and no more when that look finds as much again.
    final func noticeLeftovers() {
        if awaitsWritable || hasBufferedOutput || hasDecryptedInput { core.serviceAfterTurn(self) }
    }

    private final var hasDecryptedInput: Bool {
        guard let wsi = unsafe wsi, let ssl = unsafe lws_get_ssl(wsi) else { return false }
        return unsafe SSL_pending(ssl) != 0
    }

    /// Tells libwebsockets what is ready, as an event loop does that is not its own (`lws_service_fd`, lws-service.h).
    final func serviceLeftovers() {
        core.preconditionOnLoop()
        guard !hasEnded else { return }
        if isAborted { return kill() }
        if awaitsWritable || hasBufferedOutput, isWritable { service(POLLOUT) }
        if hasDecryptedInput, isReading { service(POLLIN) }
    }

    /// Whether input is wanted.
    var isReading: Bool { false }

    private final var isWritable: Bool {
        guard let wsi = unsafe wsi else { return false }
        var descriptor = pollfd(fd: unsafe lws_get_socket_fd(wsi), events: Int16(POLLOUT), revents: 0)
        return unsafe poll(&descriptor, 1, 0) == 1 && descriptor.revents == Int16(POLLOUT)
    }

    private final func service(_ event: CInt) {
        guard let wsi = unsafe wsi, let context = unsafe lws_get_context(wsi) else { return }
        var descriptor = pollfd(fd: unsafe lws_get_socket_fd(wsi), events: Int16(event), revents: Int16(event))
        unsafe lws_service_fd(context, &descriptor)
    }
}
