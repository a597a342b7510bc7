internal import HTTPTypes
internal import Logging
internal import WebSocketProtocol

/// A connection that a server accepted, until it is open or refused: TLS, if any, then an upgrade request and its answer.
final class ServerHandshake: PipeConsumer {
    private enum State {
        case awaitingRequest(UpgradeRequestParser)
        /// The answer is being written; then comes what it opens, or the end when it refuses.
        case answering(ArraySlice<UInt8>, then: Connection?)
        case ended
    }

    private var state = State.awaitingRequest(UpgradeRequestParser())
    /// Holds this in turn, until the connection is open or has ended.
    private let listener: ServerListener
    private let peer: String
    private var pipe: BytePipe?
    private var tlsInfo: TLSConnectionInfo?
    private var handshakeDeadline: LoopTimers.ID?

    /// The place in the count against the limit of connections.
    let place = ServerListener.Place()

    init(listener: ServerListener, peer: String) {
        self.listener = listener
        self.peer = peer
    }

    /// Takes over a socket that was accepted.
    func start(_ socket: CInt) {
        do {
            let pipe = try BytePipe.make(socket, core: listener.core, consumer: self)
            self.pipe = pipe
            pipe.didEnd = { [listener] in listener.handshakeEnded(self) }
            if let tls = listener.tls {
                pipe.startTLS(
                    try unsafe TLSStream(acceptingWith: tls.sslContext, output: listener.core.encryptedOutput))
            }
        } catch {
            listener.logShortage("\(error)")
            if pipe == nil { listener.handshakeEnded(self) }
            return abortHandshake()
        }
        handshakeDeadline = listener.core.schedule(after: listener.configuration.handshakeTimeout) { [weak self] in
            self?.deadlinePassed()
        }
    }

    /// Until the answer is written, the handshake is not over: a client may read nothing.
    private func deadlinePassed() {
        guard case .answering(_, let connection?) = state else { return abortHandshake() }
        pipe?.abort()
        end()
        let error = WebSocketError(
            .timedOut, stage: .upgrade,
            message:
                "the client did not read the answer to its request within \(listener.configuration.handshakeTimeout)")
        connection.pipeDidEnd(PipeEnd(stage: .upgrade, cause: .error(error)), unused: [])
    }

    /// Gives the client up unless it was accepted.
    func abortHandshake() {
        if case .answering(_, _?) = state { return }
        pipe?.abort()
        end()
    }

    private func end() {
        state = .ended
        pipe = nil
        cancelDeadline()
    }

    private func cancelDeadline() {
        if let handshakeDeadline { listener.core.cancel(handshakeDeadline) }
        handshakeDeadline = nil
    }

    // MARK: - The pipe's events

    func pipeDidSecure(_ tls: TLSStream) {
        tlsInfo = unsafe TLSConnectionInfo(tls.ssl)
    }

    func pipeDidReceive(_ bytes: UnsafeMutableRawBufferPointer) -> Int? {
        switch state {
        case .awaitingRequest(var parser):
            do throws(UpgradeRejection) {
                let progress = try unsafe parser.parse(UnsafeRawBufferPointer(bytes))
                state = .awaitingRequest(parser)
                guard case .complete(let head, let rest) = progress else { return bytes.count }
                try answer(head)
                // The bytes behind the head are frames.
                return bytes.count - rest.count
            } catch {
                listener.logRefusal(error, of: peer)
                respond(UpgradeResponse.refusing(error), then: nil)
                return bytes.count
            }
        // Bytes after a refusal are ignored.
        case .answering(_, nil): return bytes.count
        case .answering:
            // Frames wait until there is a connection to take them.
            pipe?.setReading(false)
            return 0
        case .ended: return nil
        }
    }

    func pipeIsWritable() -> Bool {
        guard case .answering(var answer, let connection) = state, let pipe else { return true }
        while !answer.isEmpty {
            guard let count = unsafe answer.withUnsafeBytes({ unsafe pipe.write($0) }), count > 0 else { break }
            answer.removeFirst(count)
        }
        state = .answering(answer, then: connection)
        guard answer.isEmpty else {
            pipe.requestWrite()
            return true
        }
        guard let connection else { return false }
        pipe.consumer = connection
        listener.count(pipe, at: place)
        listener.handshakeEnded(self)
        end()
        pipe.setReading(true)
        return connection.pipeIsWritable()
    }

    func pipeDidEnd(_ end: PipeEnd, unused: [UInt8]) {
        if case .answering(_, let connection?) = state { connection.pipeDidEnd(end, unused: unused) }
        if case .awaitingRequest = state {
            listener.configuration.logger.debug(
                "a connection ended before its handshake", metadata: ["peer": "\(peer)", "reason": "\(end.cause)"])
        }
        self.end()
    }

    // MARK: - Upgrade

    private func answer(_ head: UpgradeRequestHead) throws(UpgradeRejection) {
        let offer = try UpgradeOffer(head)
        let request = WebSocketServer.Request(
            target: head.target, headers: head.headers, subprotocols: offer.subprotocols, peer: peer)
        switch listener.configuration.decide(request) {
        case .refuse(let status, let headers, let body):
            respond(UpgradeResponse.refusing(status, headers: headers, body: Array(body.utf8)), then: nil)
        case .accept(let subprotocol, let headers):
            let compression = AgreedCompression(accepting: offer.extensions, listener.configuration.compression)
            let handshake = HandshakeResponse(
                headers: headers, subprotocol: subprotocol, extensions: compression.map { [$0.parameters.answer] } ?? []
            )
            let answer = try UpgradeResponse.accepting(
                offer, subprotocol: subprotocol, extensions: handshake.extensions, headers: headers)
            guard let pipe else { return }
            let connection = Connection(
                role: .server, pipe: pipe, socketLoop: listener.socketLoop, peer: peer,
                limits: listener.configuration.limits, compression: compression,
                logger: listener.configuration.logger)
            connection.faults = listener.configuration.faults?()
            respond(answer, then: connection)
            listener.accept(
                WebSocket(handshake: handshake, tls: tlsInfo, remoteAddress: peer, connection: connection), request,
                at: place)
        }
    }

    private func respond(_ bytes: [UInt8], then connection: Connection?) {
        state = .answering(bytes[...], then: connection)
        pipe?.requestWrite()
    }
}

extension ServerHandshake: Hashable {
    static func == (left: ServerHandshake, right: ServerHandshake) -> Bool { left === right }
    func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
