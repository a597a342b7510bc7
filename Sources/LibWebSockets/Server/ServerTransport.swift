internal import CLibwebsockets
internal import HTTPTypes
internal import Logging
internal import WebSocketProtocol

/// A connection that a server accepted: raw bytes, of which the first are an upgrade request and the rest frames.
final class ServerTransport: LoopSocket {
    private enum State {
        case awaitingRequest(UpgradeRequestParser)
        /// The answer is being written; then come frames, or the end when it refuses.
        case answering(FrameBuffer, isLast: Bool)
        case open
        case ended
    }

    private var state = State.awaitingRequest(UpgradeRequestParser())
    /// Holds this in turn, until libwebsockets has destroyed the socket.
    private let listener: ServerListener
    private let peer: String
    private var consumer: (any PipeConsumer)?
    private var wantsReading = true
    /// Whether libwebsockets was told to read.
    private var isFlowing = true
    private var handshakeDeadline: TimerQueue<ContinuousClock.Instant>.ID?

    init(core: LoopCore, listener: ServerListener, peer: String) {
        self.listener = listener
        self.peer = peer
        super.init(core: core)
    }

    func startHandshakeDeadline() {
        handshakeDeadline = core.schedule(after: listener.configuration.handshakeTimeout) { [weak self] in
            self?.abortHandshake()
        }
    }

    /// Drops the connection unless it is open.
    func abortHandshake() {
        if consumer == nil { abort() }
    }

    // MARK: - Events

    override func handle(_ event: LoopSocketEvent) -> Bool {
        switch event {
        case .bytes(let bytes):
            defer { noticeLeftovers() }
            return unsafe receive(bytes)
        case .writable:
            defer { updateFlow() }
            return write()
        case .closed:
            let error = systemError
            if consumer != nil { unsafe readLastWords { unsafe receive($0) } }
            finish(TransportEnd(stage: .open, cause: error.map { .systemError($0) } ?? .endOfStream))
            return true
        case .failed(let words):
            finish(TransportEnd(stage: .open, cause: .library(words)))
            return true
        case .connected, .appendRequest, .responseHead, .readable, .completed: return true
        }
    }

    override func loopEnds() {
        finish(TransportEnd(stage: .open, cause: .loopShutDown))
    }

    override func destroyed() {
        finish(TransportEnd(stage: .open, cause: .endOfStream))
        listener.destroyed(self)
    }

    private func finish(_ end: TransportEnd) {
        if case .ended = state { return }
        state = .ended
        cancelDeadline()
        consumer?.pipeDidEnd(end)
        consumer = nil
    }

    private func cancelDeadline() {
        if let handshakeDeadline { core.cancel(handshakeDeadline) }
        handshakeDeadline = nil
    }

    private func receive(_ bytes: UnsafeMutableRawBufferPointer) -> Bool {
        switch state {
        case .awaitingRequest(var parser):
            do throws(UpgradeRejection) {
                let progress = try unsafe parser.parse(UnsafeRawBufferPointer(bytes))
                state = .awaitingRequest(parser)
                if case .complete(let head, let rest) = progress { try answer(head, rest: rest) }
            } catch {
                listener.logRefusal(error, of: peer)
                respond(UpgradeResponse.refusing(error), isLast: true)
            }
            return true
        case .answering(_, isLast: true), .ended: return true
        case .answering, .open:
            guard let consumer else { return false }
            return unsafe consumer.pipeDidReceive(bytes)
        }
    }

    private func write() -> Bool {
        guard case .answering(let answer, let isLast) = state else {
            return consumer?.pipeIsWritable() ?? true
        }
        if !answer.isEmpty {
            let isAlive = unsafe write(answer.bytes)
            answer.removeAll()
            guard isAlive else { return false }
            if hasBufferedOutput {
                requestWrite()
                return true
            }
        }
        if isLast { return false }
        state = .open
        return consumer?.pipeIsWritable() ?? true
    }

    override var isReading: Bool { isFlowing }

    override func setReading(_ isReading: Bool) {
        wantsReading = isReading
        updateFlow()
    }

    /// In the raw role libwebsockets reads nothing while it holds output back, and would turn in circles over the input
    /// that waits meanwhile.
    private func updateFlow() {
        let flows = wantsReading && !hasBufferedOutput
        guard flows != isFlowing, let wsi = unsafe wsi else { return }
        isFlowing = flows
        unsafe lws_rx_flow_control(wsi, flows ? 1 : 0)
    }

    // MARK: - Upgrade

    private func answer(_ head: UpgradeRequestHead, rest: [UInt8]) throws(UpgradeRejection) {
        let offer = try UpgradeOffer(head)
        let request = WebSocketServer.Request(
            target: head.target, headers: head.headers, subprotocols: offer.subprotocols, peer: peer)
        switch listener.configuration.decide(request) {
        case .refuse(let status, let headers, let body):
            respond(UpgradeResponse.refusing(status, headers: headers, body: Array(body.utf8)), isLast: true)
        case .accept(let subprotocol, let headers):
            let compression = AgreedCompression(accepting: offer.extensions, listener.configuration.compression)
            let handshake = HandshakeResponse(
                headers: headers, subprotocol: subprotocol, extensions: compression.map { [$0.parameters.answer] } ?? []
            )
            respond(
                try UpgradeResponse.accepting(
                    offer, subprotocol: subprotocol, extensions: handshake.extensions, headers: headers),
                isLast: false)
            open(request, handshake, compression, rest: rest)
        }
    }

    private func respond(_ bytes: [UInt8], isLast: Bool) {
        let answer = FrameBuffer(headroom: Int(clws_pre), minimumCapacity: bytes.count)
        unsafe bytes.withUnsafeBytes { unsafe answer.append(contentsOf: $0) }
        state = .answering(answer, isLast: isLast)
        requestWrite()
    }

    private func open(
        _ request: WebSocketServer.Request, _ handshake: HandshakeResponse, _ compression: AgreedCompression?,
        rest: [UInt8]
    ) {
        cancelDeadline()
        let connection = Connection(
            role: .server, pipe: self, eventLoop: listener.eventLoop, peer: peer, limits: listener.configuration.limits,
            compression: compression, logger: listener.configuration.logger)
        consumer = connection
        let tls = unsafe wsi.flatMap { unsafe lws_get_ssl($0) }.flatMap { unsafe TLSConnectionInfo($0) }
        listener.accept(WebSocket(handshake: handshake, tls: tls, connection: connection), request)
        // Frames that came together with the request.
        var rest = rest
        if !rest.isEmpty, !(unsafe rest.withUnsafeMutableBytes { unsafe connection.pipeDidReceive($0) }) { abort() }
    }
}
