internal import WebSocketProtocol

/// A client's way to one address: TCP, the proxy's tunnel, TLS, the opening handshake. The result is a pipe that carries
/// frames.
///
/// libwebsockets makes the connection and hands it over as soon as it stands; see ``ConnectingSocket`` and ``BytePipe``.
final class ClientHandshake: PipeConsumer {
    private let core: LoopCore
    private var machine: StateMachine
    private let request: [UInt8]
    private let tlsHandshake: TLSHandshake?
    private let followsRedirects: Bool
    /// The party that connects; `nil` once the connection is open or the handshake over.
    private var owner: (any ClientHandshakeOwner)?
    private var socket: ConnectingSocket?
    private var pipe: BytePipe?
    private var tunnel: ProxyTunnel?
    private var parser = ResponseParser(to: .upgrade)
    /// The part of the last output that is still to be sent.
    private var output: ArraySlice<UInt8> = []
    /// The properties that the two sides agreed on, once TLS stands.
    private(set) var tlsInfo: TLSConnectionInfo?

    init(
        core: LoopCore, request: [UInt8], followsRedirects: Bool, tls: TLSHandshake?, tunnel: ProxyTunnel?,
        owner: any ClientHandshakeOwner
    ) {
        self.core = core
        self.request = request
        self.followsRedirects = followsRedirects
        self.tunnel = tunnel
        self.tlsHandshake = tls
        self.owner = owner
        machine = StateMachine(usesProxy: tunnel != nil, usesTLS: tls != nil)
    }

    /// The stage that it has reached.
    var stage: WebSocketError.Stage { machine.stage }

    /// Starts to connect to a numeric address.
    func connect(to address: SocketAddress) throws(WebSocketError) {
        let socket = ConnectingSocket(core: core, address: address) { [weak self] result in
            self?.didConnect(result)
        }
        self.socket = socket
        try socket.connect()
    }

    private func didConnect(_ result: Result<CInt, PipeEnd>) {
        socket = nil
        switch result {
        case .failure(let end): finish(end)
        case .success(let descriptor):
            do {
                pipe = try BytePipe.make(descriptor, core: core, consumer: self)
            } catch {
                return finish(PipeEnd(stage: .connect, cause: .error(error)))
            }
            let action = machine.connected()
            owner?.handshakeDidConnect(self)
            // The owner may have had enough.
            if !machine.hasEnded { perform(action) }
        }
    }

    private func perform(_ action: StateMachine.Action) {
        switch action {
        case .ignore: break
        case .tunnel: if let tunnel { send(tunnel.opening) }
        case .secure: secure()
        case .request:
            owner?.handshakeDidRequestUpgrade(self)
            if !machine.hasEnded { send(request) }
        }
    }

    private func send(_ bytes: [UInt8]) {
        output.append(contentsOf: bytes)
        pipe?.requestWrite()
    }

    private func secure() {
        guard let tlsHandshake else { return }
        do {
            pipe?.startTLS(try tlsHandshake.begin(output: core.encryptedOutput))
        } catch {
            fail(error, stage: .tls)
        }
    }

    /// Abandons the handshake without telling anybody.
    func cancel() {
        machine.ended()
        owner = nil
        letGo()
    }

    /// A refusal as far as it has arrived, when no more of it is waited for; `nil` when there is none.
    func takeRefusal() -> RefusedResponse? {
        machine.state == .awaitingResponse ? parser.finish() : nil
    }

    /// A proxy's refusal likewise.
    func takeProxyRefusal() -> WebSocketError? {
        machine.state == .tunnelling ? tunnel?.takeRefusal() : nil
    }

    private func fail(_ error: WebSocketError, stage: WebSocketError.Stage) {
        finish(PipeEnd(stage: stage, cause: .error(error)))
    }

    private func finish(_ end: PipeEnd) {
        guard machine.ended() else { return }
        let owner = owner
        self.owner = nil
        letGo()
        owner?.handshake(self, didEnd: end)
    }

    private func letGo() {
        socket?.cancel()
        socket = nil
        pipe?.abort()
        pipe = nil
    }

    // MARK: - The pipe's events

    func pipeDidSecure(_ tls: TLSStream) {
        guard let tlsHandshake, !machine.hasEnded else { return }
        do {
            // Nothing is told to a server that is not who it has to be.
            tlsInfo = try unsafe tlsHandshake.complete(tls.ssl)
        } catch {
            return fail(error, stage: .tls)
        }
        perform(machine.secured())
    }

    func pipeIsWritable() -> Bool {
        while !output.isEmpty, let pipe {
            let count = unsafe output.withUnsafeBytes { unsafe pipe.write($0) }
            guard let count, count > 0 else { break }
            output.removeFirst(count)
        }
        if !output.isEmpty { pipe?.requestWrite() }
        return true
    }

    func pipeDidReceive(_ bytes: UnsafeMutableRawBufferPointer) -> Int? {
        let bytes = UnsafeRawBufferPointer(bytes)
        switch machine.state {
        case .tunnelling: return unsafe receiveFromProxy(bytes)
        case .awaitingResponse: return unsafe receiveResponse(bytes)
        case .connecting, .securing, .ended: return nil
        }
    }

    func pipeDidEnd(_ end: PipeEnd, unused: [UInt8]) {
        pipe = nil
        if machine.state == .awaitingResponse, let refusal = parser.finish() {
            owner?.handshake(self, wasRefused: refusal)
        } else if let error = takeProxyRefusal() {
            fail(error, stage: .proxy)
        } else {
            finish(PipeEnd(stage: stage, cause: end.cause))
        }
    }

    private func receiveFromProxy(_ bytes: UnsafeRawBufferPointer) -> Int? {
        do throws(WebSocketError) {
            switch try unsafe tunnel?.receive(bytes) {
            case nil, .needsMoreBytes: return bytes.count
            case .send(let answer):
                send(answer)
                return bytes.count
            case .stands(let consumed):
                tunnel = nil
                perform(machine.tunnelled())
                return machine.hasEnded ? nil : consumed
            }
        } catch {
            fail(error, stage: .proxy)
            return nil
        }
    }

    private func receiveResponse(_ bytes: UnsafeRawBufferPointer) -> Int? {
        do throws(HTTPViolation) {
            switch try unsafe parser.receive(bytes) {
            case .needsMoreBytes:
                // The rest of a redirect may never end.
                guard followsRedirects, let head = parser.refusingHead, Redirect.leadsOn(head),
                    let response = parser.finish()
                else { return bytes.count }
                owner?.handshake(self, wasRefused: response)
                return nil
            case .refused(let response):
                owner?.handshake(self, wasRefused: response)
                return nil
            case .switched(let head, let consumed):
                guard let pipe, let consumer = owner?.handshake(self, didSwitch: head, on: pipe) else { return nil }
                machine.ended()
                owner = nil
                self.pipe = nil
                pipe.consumer = consumer
                return consumed
            }
        } catch {
            finish(PipeEnd(stage: .upgrade, cause: .violation(error)))
            return nil
        }
    }
}
