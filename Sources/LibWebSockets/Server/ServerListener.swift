internal import Logging

/// Accepts connections for one server. Lives on the loop's thread.
///
/// The listening socket is ours and adopted by libwebsockets as a plain descriptor, as are the sockets it accepts.
/// libwebsockets' own listening vhosts cannot be used: 4.1 has no way to stop one before its context ends
/// (`lws_vhost_destroy` waits for a listening socket that nothing closes; fixed in 4.2), lets two of them on "port 0" share
/// one socket, and turns 127.0.0.1 into every interface with IPv6 on.
final class ServerListener: LoopResident {
    typealias Accepted = (Arrival) -> Void

    /// A connection that is open, for the server to serve.
    struct Arrival: Sendable {
        let socket: WebSocket
        let request: WebSocketServer.Request
        /// To be called when its handler has returned, or there is none.
        let handlerReturned: @Sendable () -> Void
    }

    /// A connection's place in the count against the limit, once its handshake is over.
    final class Place {
        fileprivate var hasSocket = false
        fileprivate var hasHandler = false
        fileprivate var isTaken: Bool { hasSocket || hasHandler }
    }

    let core: LoopCore
    let socketLoop: SocketLoop
    let configuration: WebSocketServer.Configuration
    let port: Int
    let tls: TLSServerContext?
    private let accepted: Accepted
    private var socket: ListeningSocket?
    /// Connections whose handshake is under way, or has failed and whose socket is still open.
    private var handshakes: Set<ServerHandshake> = []
    /// Connections whose socket is open, or whose handler has not returned.
    private var places: [ObjectIdentifier: Place] = [:]
    private var closing: [() -> Void]?
    let logLimits = LogLimits()

    init(
        core: LoopCore, configuration: WebSocketServer.Configuration, tls: TLSServerContext?, socketLoop: SocketLoop,
        accepted: @escaping Accepted
    ) throws(WebSocketError) {
        self.core = core
        self.configuration = configuration
        self.tls = tls
        self.socketLoop = socketLoop
        self.accepted = accepted
        guard !core.isShuttingDown else { throw SocketLoop.shutDownError }
        let (descriptor, port) = try ListeningSocket.listen(host: configuration.host, port: configuration.port)
        self.port = port
        let socket = ListeningSocket(core: core, listener: self)
        guard try core.adopt(descriptor, as: socket) else {
            throw ListeningSocket.error("libwebsockets did not take the listening socket", configuration.host, port)
        }
        self.socket = socket
        core.keep(self)
    }

    // MARK: - Connections

    var isClosing: Bool { closing != nil }

    /// The limit of the configuration that is reached, so that further connections have to wait.
    var reachedLimit: (name: String, value: Int)? {
        if handshakes.count >= configuration.handshakeLimit { return ("handshakeLimit", configuration.handshakeLimit) }
        if places.count + handshakes.count >= configuration.connectionLimit {
            return ("connectionLimit", configuration.connectionLimit)
        }
        return nil
    }

    /// Takes over a connection that was accepted.
    func adopt(connection descriptor: CInt, peer: String) {
        let handshake = ServerHandshake(listener: self, peer: peer)
        handshakes.insert(handshake)
        handshake.start(descriptor)
    }

    func accept(_ socket: WebSocket, _ request: WebSocketServer.Request, at place: Place) {
        place.hasHandler = true
        let reference = PlaceReference(place: place, listener: self)
        accepted(
            Arrival(socket: socket, request: request) { [socketLoop] in
                // The loop refuses this once it has ended, and the listener has ended with it.
                try? socketLoop.submit { _ in
                    reference.place.hasHandler = false
                    reference.listener.leave(reference.place)
                }
            })
    }

    private func leave(_ place: Place) {
        guard !place.isTaken else { return }
        places[ObjectIdentifier(place)] = nil
        socket?.mayHaveRoom()
    }

    /// The connection is open, or its socket has gone.
    func handshakeEnded(_ handshake: ServerHandshake) {
        guard handshakes.remove(handshake) != nil else { return }
        if handshake.place.isTaken { places[ObjectIdentifier(handshake.place)] = handshake.place }
        socket?.mayHaveRoom()
    }

    /// Counts a connection until its socket has gone.
    func count(_ pipe: BytePipe, at place: Place) {
        place.hasSocket = true
        pipe.didEnd = { [weak self] in
            place.hasSocket = false
            self?.leave(place)
        }
    }

    // MARK: - The end

    /// The listening socket is told, too, and all else hangs on it.
    func loopEnds() {}

    /// Stops listening, aborts handshakes under way, and calls `callback` when the port is free again.
    func close(_ callback: @escaping () -> Void) {
        let isFirst = closing == nil
        closing = (closing ?? []) + [callback]
        if isFirst {
            socket?.close()
            for handshake in handshakes { handshake.abortHandshake() }
        }
        completeWhenClosed()
    }

    private func completeWhenClosed() {
        guard socket == nil, let waiting = closing else { return }
        closing = []
        core.letGo(of: self)
        for callback in waiting { callback() }
    }

    /// libwebsockets has destroyed the listening socket.
    func destroyed(_ socket: ListeningSocket) {
        guard socket === self.socket else { return }
        self.socket = nil
        if closing == nil, !core.isShuttingDown {
            configuration.logger.error(
                "the listening socket has failed; no more connections are accepted", metadata: ["port": "\(port)"])
        }
        completeWhenClosed()
    }
}

/// Holds a place for the thread on which a handler returns.
///
/// `@unchecked Sendable`: that thread only passes it back to the loop, the one thread that touches the place.
private struct PlaceReference: @unchecked Sendable {
    let place: ServerListener.Place
    let listener: ServerListener
}
