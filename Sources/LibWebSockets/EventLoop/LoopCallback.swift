internal import CLibwebsockets

/// The one protocol that every vhost of ours has, and its callback.
enum LoopCallback {
    static let name: StaticString = "swift-libwebsockets"

    /// libwebsockets keeps the pointer for as long as a context lives. `nonisolated(unsafe)`: allocated once, filled here,
    /// then never changed and never freed; nothing but libwebsockets reads it.
    nonisolated(unsafe) static let protocols: UnsafeMutablePointer<lws_protocols> = {
        // The array ends with an all-zero entry.
        let protocols = UnsafeMutablePointer<lws_protocols>.allocate(capacity: 2)
        unsafe protocols.initialize(repeating: lws_protocols(), count: 2)
        unsafe protocols[0].name = cString(name)
        unsafe protocols[0].callback = callback
        return unsafe protocols
    }()

    /// libwebsockets keeps the pointer. `nonisolated(unsafe)`: as with ``protocols``, filled once, then only read.
    nonisolated(unsafe) static let noRetryPolicy: UnsafeMutablePointer<lws_retry_bo_t> = {
        let policy = UnsafeMutablePointer<lws_retry_bo_t>.allocate(capacity: 1)
        unsafe policy.initialize(to: lws_retry_bo_t())
        return unsafe policy
    }()

    /// libwebsockets keeps the pointer. `nonisolated(unsafe)`: as with ``protocols``, filled once, then only read.
    ///
    /// Built with Secure Streams, the default of 4.5, each context looks for captive portals by asking
    /// connectivitycheck.android.com, whose name it resolves on the loop's thread. This takes the place of that search.
    nonisolated(unsafe) static let systemOperations: UnsafeMutablePointer<lws_system_ops_t> = {
        let operations = UnsafeMutablePointer<lws_system_ops_t>.allocate(capacity: 1)
        unsafe operations.initialize(to: lws_system_ops_t())
        unsafe operations.pointee.captive_portal_detect_request = { _ in 0 }
        return unsafe operations
    }()

    static var vhostName: UnsafePointer<CChar> { unsafe cString("loop") }
    static var emptyString: UnsafePointer<CChar> { unsafe cString("") }
    static var namePointer: UnsafePointer<CChar> { unsafe cString(name) }
    /// A connection of which libwebsockets knows no protocol: it connects, and says nothing.
    static var rawMethod: UnsafePointer<CChar> { unsafe cString("RAW") }

    /// A string literal's bytes live as long as the program and end with a NUL.
    private static func cString(_ literal: StaticString) -> UnsafePointer<CChar> {
        unsafe UnsafeRawPointer(literal.utf8Start).assumingMemoryBound(to: CChar.self)
    }

    /// Finds the Swift object, turns the reason into an event, hands it over; nothing else.
    private static let callback:
        @convention(c) (
            OpaquePointer?, lws_callback_reasons, UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, Int
        ) -> CInt = { wsi, reason, _, input, _ in
            // Also called for events of no socket of ours, with a stand-in that has no user data.
            guard let wsi = unsafe wsi, let pointer = unsafe lws_get_opaque_user_data(wsi) else { return 0 }
            let socket = unsafe Unmanaged<LoopSocket>.fromOpaque(pointer).takeUnretainedValue()
            if reason == LWS_CALLBACK_WSI_DESTROY {
                unsafe socket.wsi = nil
                socket.core.release(socket)
                socket.destroyed()
                return 0
            }
            guard let event = unsafe event(for: reason, input: input) else { return 0 }
            unsafe socket.wsi = wsi
            return socket.handle(event) ? 0 : -1
        }

    private static func event(
        for reason: lws_callback_reasons, input: UnsafeMutableRawPointer?
    ) -> LoopSocketEvent? {
        switch reason {
        case LWS_CALLBACK_RAW_CONNECTED: return .connected
        case LWS_CALLBACK_RAW_RX_FILE: return .readable
        case LWS_CALLBACK_RAW_WRITEABLE_FILE: return .writable
        case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
            guard let input = unsafe input else { return .failed("") }
            return unsafe .failed(String(cString: input.assumingMemoryBound(to: CChar.self)))
        case LWS_CALLBACK_RAW_CLOSE, LWS_CALLBACK_RAW_CLOSE_FILE: return .closed
        default: return nil
        }
    }
}
