internal import CLibwebsockets
internal import Logging
internal import LibC

/// The socket on which a server listens, adopted by libwebsockets as a plain descriptor that it polls.
final class ListeningSocket: LoopSocket {
    /// The number of connections that one turn of the loop accepts, so that a flood of them does not starve the open ones.
    private static let connectionsPerTurn = 64

    /// Gone when libwebsockets did not take the socket.
    private weak var listener: ServerListener?
    /// Accepting waits for somebody to close a file.
    private var isShortOfResources = false
    private var isPaused = false
    /// Accepting waits for another connection to end.
    private var isFull = false

    init(core: LoopCore, listener: ServerListener) {
        self.listener = listener
        super.init(core: core)
    }

    override func handle(_ event: LoopSocketEvent) -> Bool {
        if case .readable = event { serviceAfterTurn() }
        return true
    }

    override func service() {
        acceptConnections()
    }

    override func destroyed() {
        listener?.destroyed(self)
    }

    private func acceptConnections() {
        guard let descriptor, let listener, !listener.isClosing else { return }
        for _ in 0..<Self.connectionsPerTurn {
            if let limit = listener.reachedLimit {
                isFull = true
                listener.logLimit(limit)
                return updatePolling()
            }
            var address = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let connection = unsafe withUnsafeMutablePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe accept(descriptor, $0, &length)
                }
            }
            guard connection >= 0 else {
                let error = errno
                if error != EAGAIN, error != EWOULDBLOCK, error != ECONNABORTED, error != EINTR { pause(after: error) }
                return
            }
            isShortOfResources = false
            setCloseOnExec(connection)
            var noDelay: CInt = 1
            unsafe setsockopt(
                connection, CInt(IPPROTO_TCP), TCP_NODELAY, &noDelay, socklen_t(MemoryLayout<CInt>.size))
            let peer = unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe SocketAddress($0, length: length)?.description
                }
            }
            listener.adopt(connection: connection, peer: peer ?? "unknown")
        }
    }

    /// Connections that wait for lack of a descriptor or memory keep the socket readable: trying again at once would only
    /// heat the processor.
    private func pause(after error: Int32) {
        if !isShortOfResources {
            listener?.logShortage(unsafe String(cString: strerror(error)))
        }
        isShortOfResources = true
        isPaused = true
        updatePolling()
        _ = core.schedule(after: .milliseconds(100)) { [weak self] in
            self?.isPaused = false
            self?.updatePolling()
        }
    }

    /// A connection or a handshake has ended.
    func mayHaveRoom() {
        guard isFull, listener?.reachedLimit == nil else { return }
        isFull = false
        updatePolling()
    }

    private func updatePolling() {
        setPollingForInput(!isPaused && !isFull)
    }

    /// Opens a socket that listens on a numeric address. Returns it with its port.
    static func listen(host: String, port: Int) throws(WebSocketError) -> (descriptor: CInt, port: Int) {
        guard (0...65_535).contains(port) else { throw error("the port is not between 0 and 65535", host, port) }
        var hints = unsafe addrinfo()
        unsafe hints.ai_flags = AI_NUMERICHOST | AI_PASSIVE
        unsafe hints.ai_socktype = streamSocket
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, String(port), &hints, &list)
        guard code == 0, let entry = unsafe list?.pointee else {
            throw error(
                "the host is not an IPv4 or IPv6 address: \(unsafe String(cString: gai_strerror(code)))", host, port)
        }
        defer { unsafe freeaddrinfo(list) }
        let descriptor = unsafe socket(entry.ai_family, entry.ai_socktype, entry.ai_protocol)
        guard descriptor >= 0 else { throw systemError(host, port) }
        setCloseOnExec(descriptor)
        // A server that comes back takes its port over from connections that linger in TIME_WAIT.
        var reuse: CInt = 1
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<CInt>.size))
        guard
            unsafe bind(descriptor, entry.ai_addr, entry.ai_addrlen) == 0,
            beginListening(descriptor),
            fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0,
            let bound = SocketAddress(localEndOf: descriptor)
        else {
            let error = systemError(host, port)
            closeDescriptor(descriptor)
            throw error
        }
        return (descriptor, bound.port)
    }

    static func error(_ reason: String, _ host: String, _ port: Int, errno: Int32? = nil) -> WebSocketError {
        WebSocketError(
            .invalidConfiguration, stage: .configuration,
            message: "the server cannot listen on \(SocketAddress(host: host, port: port)): \(reason)", errno: errno)
    }

    private static func systemError(_ host: String, _ port: Int) -> WebSocketError {
        let number = errno
        return error(unsafe String(cString: strerror(number)), host, port, errno: number)
    }
}

/// So that child processes do not inherit the connection.
private func setCloseOnExec(_ descriptor: CInt) {
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
}
