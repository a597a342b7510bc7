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
    fileprivate final var awaitsWritable = false
    /// Whether libwebsockets has given the connection up, which it may destroy later.
    fileprivate final var hasEnded = false
    private final var isAborted = false

    init(core: LoopCore) {
        self.core = core
    }

    /// Handles what libwebsockets reports. Returns false to make it close the connection.
    func handle(_ event: LoopSocketEvent) -> Bool {
        true
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

    /// libwebsockets' descriptor, while there is one.
    final var descriptor: CInt? {
        guard let wsi = unsafe wsi, case let descriptor = unsafe lws_get_socket_fd(wsi), descriptor >= 0 else {
            return nil
        }
        return descriptor
    }

    /// Drops the connection with all that is still buffered, soon: never inside the call, which may come from a callback.
    final func abort() {
        core.preconditionOnLoop()
        guard unsafe wsi != nil else { return }
        isAborted = true
        setTimeoutToKill()
        // Some callbacks are followed by a timeout of libwebsockets' own, which takes the place of this one.
        core.serviceAfterTurn(self)
    }

    private final func setTimeoutToKill() {
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
        if isAborted { return setTimeoutToKill() }
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

/// The one protocol that every vhost of ours has, and its callback.
enum LoopProtocol {
    static let name: StaticString = "swift-libwebsockets"

    // libwebsockets keeps pointers to these for as long as a context lives, so they are allocated once, never changed and
    // never freed; nothing but libwebsockets reads them.
    nonisolated(unsafe) static let protocols: UnsafeMutablePointer<lws_protocols> = {
        // The array ends with an all-zero entry.
        let protocols = UnsafeMutablePointer<lws_protocols>.allocate(capacity: 2)
        unsafe protocols.initialize(repeating: lws_protocols(), count: 2)
        unsafe protocols[0].name = cString(name)
        unsafe protocols[0].callback = callback
        unsafe protocols[0].rx_buffer_size = LoopCore.serviceBufferSize
        // One write hands over up to this much; the default would be the receive buffer's size.
        unsafe protocols[0].tx_packet_size = 1 << 20
        return unsafe protocols
    }()

    nonisolated(unsafe) static let noRetryPolicy: UnsafeMutablePointer<lws_retry_bo_t> = {
        let policy = UnsafeMutablePointer<lws_retry_bo_t>.allocate(capacity: 1)
        unsafe policy.initialize(to: lws_retry_bo_t())
        return unsafe policy
    }()

    nonisolated(unsafe) static let clientVhostName = unsafe cString("client")
    nonisolated(unsafe) static let serverVhostName = unsafe cString("server")
    nonisolated(unsafe) static let emptyString = unsafe cString("")
    nonisolated(unsafe) static let namePointer = unsafe cString(name)
    nonisolated(unsafe) static let applicationProtocol = unsafe cString("http/1.1")

    /// A string literal's bytes live as long as the program and end with a NUL.
    private static func cString(_ literal: StaticString) -> UnsafePointer<CChar> {
        unsafe UnsafeRawPointer(literal.utf8Start).assumingMemoryBound(to: CChar.self)
    }

    /// Finds the Swift object, turns the reason into an event, hands it over; nothing else.
    private static let callback:
        @convention(c) (
            OpaquePointer?, lws_callback_reasons, UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, Int
        ) -> CInt = { wsi, reason, user, input, length in
            // Also called for events of no socket of ours, with a stand-in that has no user data.
            guard let wsi = unsafe wsi, let pointer = unsafe lws_get_opaque_user_data(wsi) else {
                return unsafe handleWithoutSocket(reason, user: user, input: input)
            }
            let socket = unsafe Unmanaged<LoopSocket>.fromOpaque(pointer).takeUnretainedValue()
            if reason == LWS_CALLBACK_WSI_DESTROY {
                unsafe socket.wsi = nil
                socket.core.release(socket)
                socket.destroyed()
                return 0
            }
            guard let event = unsafe event(for: reason, input: input, length: length) else { return 0 }
            unsafe socket.wsi = wsi
            switch event {
            case .writable: socket.awaitsWritable = false
            case .closed, .failed: socket.hasEnded = true
            default: break
            }
            return socket.handle(event) ? 0 : -1
        }

    private static func event(
        for reason: lws_callback_reasons,
        input: UnsafeMutableRawPointer?,
        length: Int
    ) -> LoopSocketEvent? {
        switch reason {
        case LWS_CALLBACK_WSI_CREATE: return .connected
        case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
            guard let input = unsafe input else { return nil }
            return unsafe .appendRequest(
                cursor: input.assumingMemoryBound(to: UnsafeMutablePointer<CChar>.self), room: length)
        case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP: return .responseHead
        case LWS_CALLBACK_RECEIVE_CLIENT_HTTP, LWS_CALLBACK_RAW_RX_FILE: return .readable
        case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ, LWS_CALLBACK_RAW_RX:
            return unsafe .bytes(UnsafeMutableRawBufferPointer(start: input, count: length))
        case LWS_CALLBACK_CLIENT_HTTP_WRITEABLE, LWS_CALLBACK_RAW_WRITEABLE: return .writable
        case LWS_CALLBACK_COMPLETED_CLIENT_HTTP: return .completed
        case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
            // `length` sometimes counts the terminating NUL and sometimes not.
            guard let input = unsafe input else { return .failed("") }
            return unsafe .failed(String(cString: input.assumingMemoryBound(to: CChar.self)))
        case LWS_CALLBACK_CLOSED_CLIENT_HTTP, LWS_CALLBACK_RAW_CLOSE, LWS_CALLBACK_RAW_CLOSE_FILE: return .closed
        default: return nil
        }
    }

    /// A server's vhost is being made: its user data is the listener, and `user` the `SSL_CTX` to configure.
    private static func handleWithoutSocket(
        _ reason: lws_callback_reasons, user: UnsafeMutableRawPointer?, input: UnsafeMutableRawPointer?
    ) -> CInt {
        guard reason == LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS else { return 0 }
        guard
            let sslContext = unsafe user, let vhost = unsafe input,
            let pointer = unsafe lws_get_vhost_user(OpaquePointer(vhost))
        else { return -1 }
        let listener = unsafe Unmanaged<ServerListener>.fromOpaque(pointer).takeUnretainedValue()
        return unsafe listener.configureTLS(OpaquePointer(sslContext)) ? 0 : -1
    }
}
