internal import CLibwebsockets
internal import Logging

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Accepts connections for one server. Lives on the loop's thread.
///
/// The listening socket is ours and adopted by libwebsockets as a plain descriptor; the sockets it accepts are adopted in
/// the raw role, with TLS by a vhost that does not listen. libwebsockets' own listening vhosts cannot be used: 4.1 has no
/// way to stop one before its context ends (`lws_vhost_destroy` waits for a listening socket that nothing closes; fixed
/// in 4.2), lets two of them on "port 0" share one socket, and turns 127.0.0.1 into every interface with IPv6 on.
@safe final class ServerListener {
    typealias Accepted = (WebSocket, WebSocketServer.Request) -> Void

    let core: LoopCore
    let eventLoop: EventLoop
    let configuration: WebSocketServer.Configuration
    let port: Int
    private let accepted: Accepted
    private var vhost: OpaquePointer?
    private var socket: ListeningSocket?
    /// What libwebsockets' `SSL_CTX` said while it was configured.
    private var tlsError: WebSocketError?
    /// Sockets that libwebsockets still knows, the listening one included.
    private var openSockets: [ObjectIdentifier: LoopSocket] = [:]
    private var closing: [() -> Void]?
    let logLimits = LogLimits()

    init(
        core: LoopCore, configuration: WebSocketServer.Configuration, eventLoop: EventLoop, accepted: @escaping Accepted
    ) throws(WebSocketError) {
        self.core = core
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.accepted = accepted
        guard !core.isShuttingDown else { throw EventLoop.shutDownError }
        let (descriptor, port) = try ListeningSocket.listen(host: configuration.host, port: configuration.port)
        self.port = port
        var isListening = false
        defer { if !isListening { ListeningSocket.close(descriptor) } }
        try makeVhost()
        let socket = ListeningSocket(core: core, listener: self)
        guard adopt(descriptor, as: socket, type: LWS_ADOPT_RAW_FILE_DESC) else {
            throw ListeningSocket.error("libwebsockets did not take the listening socket", configuration.host, port)
        }
        self.socket = socket
        isListening = true
        core.listeners.insert(self)
    }

    private func makeVhost() throws(WebSocketError) {
        var info = unsafe lws_context_creation_info()
        unsafe info.port = CONTEXT_PORT_NO_LISTEN_SERVER
        unsafe info.protocols = UnsafePointer(LoopProtocol.protocols)
        unsafe info.vhost_name = LoopProtocol.serverVhostName
        unsafe info.http_proxy_address = LoopProtocol.emptyString
        unsafe info.user = Unmanaged.passUnretained(self).toOpaque()
        if configuration.tls != nil {
            unsafe info.options =
                UInt64(LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT) | UInt64(LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX)
            unsafe info.alpn = LoopProtocol.applicationProtocol
        }
        do {
            unsafe vhost = try core.createVhost(&info)
        } catch {
            throw tlsError ?? error
        }
    }

    /// libwebsockets has made the `SSL_CTX` for this listener's vhost. Returns whether it could be configured.
    func configureTLS(_ sslContext: OpaquePointer) -> Bool {
        do {
            try unsafe configuration.tls?.configure(sslContext)
            return true
        } catch {
            tlsError = error
            return false
        }
    }

    // MARK: - Sockets

    /// Hands a descriptor to libwebsockets, which owns it from then on when this returns true.
    private func adopt(_ descriptor: CInt, as socket: LoopSocket, type: lws_adoption_type) -> Bool {
        core.preconditionOnLoop()
        var info = unsafe lws_adopt_desc_t()
        unsafe info.vh = vhost
        unsafe info.type = type
        unsafe info.fd.sockfd = descriptor
        unsafe info.vh_prot_name = LoopProtocol.namePointer
        unsafe info.opaque = Unmanaged.passUnretained(socket).toOpaque()
        core.retain(socket)
        openSockets[ObjectIdentifier(socket)] = socket
        guard let wsi = unsafe lws_adopt_descriptor_vhost_via_info(&info) else {
            unsafe socket.wsi = nil
            core.releaseRefused(socket)
            return false
        }
        unsafe socket.wsi = wsi
        return true
    }

    /// Adopts a connection that was accepted.
    func adopt(connection descriptor: CInt, peer: String) {
        let transport = ServerTransport(core: core, listener: self, peer: peer)
        // A connection that ends here has been closed by libwebsockets.
        guard
            adopt(
                descriptor, as: transport,
                type: lws_adoption_type(LWS_ADOPT_SOCKET.rawValue | LWS_ADOPT_ALLOW_SSL.rawValue))
        else { return }
        transport.startHandshakeDeadline()
    }

    func accept(_ socket: WebSocket, _ request: WebSocketServer.Request) {
        accepted(socket, request)
    }

    // MARK: - The end

    /// Stops listening, drops handshakes under way, and calls `completion` when the port is free again.
    func close(_ completion: @escaping () -> Void) {
        let isFirst = closing == nil
        closing = (closing ?? []) + [completion]
        if isFirst {
            socket?.abort()
            for case let transport as ServerTransport in openSockets.values { transport.abortHandshake() }
        }
        completeWhenClosed()
        freeWhenUnused()
    }

    private func completeWhenClosed() {
        guard socket == nil, let waiting = closing else { return }
        closing = []
        for completion in waiting { completion() }
    }

    /// libwebsockets has destroyed one of this listener's sockets.
    func destroyed(_ socket: LoopSocket) {
        openSockets[ObjectIdentifier(socket)] = nil
        if socket === self.socket {
            self.socket = nil
            if closing == nil, !core.isShuttingDown {
                configuration.logger.error(
                    "the listening socket has failed; no more connections are accepted", metadata: ["port": "\(port)"])
            }
        }
        completeWhenClosed()
        freeWhenUnused()
    }

    /// 4.1 can destroy a vhost only when no socket is bound to it, and not while one of them is being destroyed.
    private func freeWhenUnused() {
        guard closing != nil, openSockets.isEmpty, let vhost = unsafe vhost else { return }
        unsafe self.vhost = nil
        unsafe core.destroyAfterTurn(vhost)
        core.listeners.remove(self)
    }
}

extension ServerListener: Hashable {
    static func == (left: ServerListener, right: ServerListener) -> Bool { left === right }
    func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
