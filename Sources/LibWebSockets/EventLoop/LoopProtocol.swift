internal import CLibwebsockets

/// The one protocol that every vhost of ours has, and its callback.
enum LoopProtocol {
    static let name: StaticString = "swift-libwebsockets"

    /// libwebsockets keeps the pointer for as long as a context lives. `nonisolated(unsafe)`: allocated once, filled here,
    /// then never changed and never freed; nothing but libwebsockets reads it.
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

    /// libwebsockets keeps the pointer. `nonisolated(unsafe)` for the same reason as ``protocols``.
    nonisolated(unsafe) static let noRetryPolicy: UnsafeMutablePointer<lws_retry_bo_t> = {
        let policy = UnsafeMutablePointer<lws_retry_bo_t>.allocate(capacity: 1)
        unsafe policy.initialize(to: lws_retry_bo_t())
        return unsafe policy
    }()

    static var clientVhostName: UnsafePointer<CChar> { unsafe cString("client") }
    static var serverVhostName: UnsafePointer<CChar> { unsafe cString("server") }
    static var emptyString: UnsafePointer<CChar> { unsafe cString("") }
    static var namePointer: UnsafePointer<CChar> { unsafe cString(name) }
    static var applicationProtocol: UnsafePointer<CChar> { unsafe cString("http/1.1") }

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
            socket.note(event)
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
