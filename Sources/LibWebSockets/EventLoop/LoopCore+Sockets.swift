internal import CLibwebsockets
internal import LibC

// Of libwebsockets: the one vhost, and what is polled there.
extension LoopCore {
    /// Every deadline is ours, in milliseconds: libwebsockets' own, in whole seconds, only must never come first.
    static let neverSeconds: CUnsignedInt = 86_400

    /// libwebsockets' idea of a place that sockets belong to. One is enough: nothing in it tells connections apart.
    private func loopVhost() throws(WebSocketError) -> OpaquePointer {
        preconditionOnLoop()
        if let vhost = unsafe vhost { return unsafe vhost }
        var info = unsafe lws_context_creation_info()
        unsafe info.port = CONTEXT_PORT_NO_LISTEN
        unsafe info.protocols = UnsafePointer(LoopCallback.protocols)
        unsafe info.vhost_name = LoopCallback.vhostName
        // Without an address of our own, libwebsockets silently obeys the environment's `http_proxy`.
        unsafe info.http_proxy_address = LoopCallback.emptyString
        // Set for each vhost: the context's value is not taken over, and the default is 20 s.
        unsafe info.connect_timeout_secs = Self.neverSeconds
        errno = 0
        guard let vhost = unsafe lws_create_vhost(backend.context, &info) else {
            let code = errno
            if WebSocketError.isShortage(code) {
                throw .resourceUnavailable(
                    code, stage: .configuration, for: "libwebsockets could not prepare the connection (no vhost)")
            }
            throw WebSocketError(
                .libraryUnsuitable, stage: .configuration,
                message: "libwebsockets could not create a vhost; its log line says why")
        }
        unsafe self.vhost = vhost
        return unsafe vhost
    }

    /// Lets libwebsockets poll a descriptor, which it owns and closes from then on. It reads and writes nothing (the
    /// raw-file role).
    ///
    /// Returns false when it does not poll it. Even so it may have kept both the descriptor and the socket, which it closes
    /// with its context (4.1: `lws_adopt_descriptor_vhost2`); so the connection is only ended here.
    func adopt(_ descriptor: CInt, as socket: LoopSocket) throws(WebSocketError) -> Bool {
        preconditionOnLoop()
        var info = unsafe lws_adopt_desc_t()
        do throws(WebSocketError) {
            // libwebsockets would refuse it and keep it.
            guard descriptor < descriptorTableSize else {
                throw .resourceUnavailable(
                    EMFILE, stage: .connect,
                    for:
                        "a socket loop cannot poll descriptor \(descriptor), as it began when the limit on them was lower"
                )
            }
            unsafe info.vh = try loopVhost()
        } catch {
            _ = close(descriptor)
            throw error
        }
        unsafe info.type = LWS_ADOPT_RAW_FILE_DESC
        unsafe info.fd.filefd = descriptor
        unsafe info.vh_prot_name = LoopCallback.namePointer
        unsafe info.opaque = Unmanaged.passUnretained(socket).toOpaque()
        retain(socket)
        guard let wsi = unsafe lws_adopt_descriptor_vhost_via_info(&info) else {
            unsafe socket.wsi = nil
            _ = shutdown(descriptor, CInt(SHUT_RDWR))
            return false
        }
        unsafe socket.wsi = wsi
        return true
    }

    /// Starts a connection with `info`, whose context and vhost this fills in. `nil` when libwebsockets refuses at once.
    func connect(_ info: inout lws_client_connect_info) throws(WebSocketError) -> OpaquePointer? {
        preconditionOnLoop()
        unsafe info.context = backend.context
        unsafe info.vhost = try loopVhost()
        return unsafe lws_client_connect_via_info(&info)
    }
}
