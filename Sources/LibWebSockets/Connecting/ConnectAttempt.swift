internal import HTTPTypes
internal import Logging
internal import WebSocketProtocol
internal import LibC

/// One attempt to open a WebSocket: name resolution, race of the addresses, TLS, upgrade, all within one deadline.
///
/// Lives on the loop's thread, from ``start(_:)`` to the one call of the callback. `@unchecked Sendable` for the
/// closures that bring it back to that thread: the resolver's, the canceller's.
final class ConnectAttempt: ClientHandshakeOwner, LoopResident, @unchecked Sendable {

    typealias Callback = @Sendable (Result<WebSocket, any Error>) -> Void

    let plan: Plan
    /// The context for `wss:`, once it is there.
    private var tls: TLSClientContext?
    /// The rest of the plan's `connectTimeout`.
    private let remainingTime: Duration
    private let socketLoop: SocketLoop
    private let resolver: Resolver
    private let files: FileThreads
    private var callback: Callback?
    private var race = AddressRace([])
    private var handshakes: [(address: SocketAddress, handshake: ClientHandshake, tls: TLSHandshake?)] = []
    /// The handshake whose TCP connection stood first.
    private(set) var winner: (handshake: ClientHandshake, tls: TLSHandshake?)?
    private var timers: [LoopTimers.ID] = []
    /// Until a handshake has won, which then knows better.
    private(set) var stage = WebSocketError.Stage.nameResolution
    private var fileWork: FileThreads.ID?
    private(set) var lookup: Resolver.Lookup?
    var stageDeadline: LoopTimers.ID?
    /// The failure of the last address that failed.
    private(set) var lastFailure: (address: SocketAddress, end: PipeEnd)?
    private(set) var core: LoopCore?

    private init(
        plan: Plan, remainingTime: Duration, socketLoop: SocketLoop, resolver: Resolver, files: FileThreads,
        callback: @escaping Callback
    ) {
        self.plan = plan
        self.resolver = resolver
        self.files = files
        self.remainingTime = remainingTime
        self.socketLoop = socketLoop
        self.callback = callback
    }

    /// Makes the attempt and waits for its end.
    ///
    /// - Parameter remainingTime: The time that earlier attempts for the same connection have left of the `connectTimeout`.
    static func run(
        _ plan: Plan, within remainingTime: Duration, on socketLoop: SocketLoop, resolver: Resolver = .shared,
        files: FileThreads = .shared
    ) async throws -> WebSocket {
        let canceller = Canceller()
        return try await withTaskCancellationHandler {
            try await Waiter<WebSocket>.wait { waiter in
                let attempt = ConnectAttempt(
                    plan: plan, remainingTime: remainingTime, socketLoop: socketLoop, resolver: resolver, files: files
                ) { waiter.resume(with: $0) }
                do {
                    try socketLoop.submit { core in attempt.start(core) }
                    canceller.set { try? socketLoop.submit { _ in attempt.fail(CancellationError()) } }
                } catch {
                    waiter.resume(throwing: error)
                }
            }
        } onCancel: {
            canceller.cancel()
        }
    }

    // MARK: - Name resolution and race

    private func start(_ core: LoopCore) {
        guard callback != nil else { return }
        guard !core.isShuttingDown else { return fail(SocketLoop.shutDownError) }
        let timeout = plan.configuration.connectTimeout
        guard remainingTime > .zero || timeout == .zero else { return fail(Self.lateError(plan)) }
        self.core = core
        core.keep(self)
        timers.append(
            core.schedule(after: remainingTime) { [weak self] in self?.deadlinePassed(timeout, "connectTimeout") })
        guard plan.endpoint.isSecure, plan.tls == nil else { return ready(.success(plan.tls)) }
        stage = .configuration
        fileWork = files.run(reading: plan.configuration.tls.paths) { [plan, socketLoop] threadError in
            let result = Result { () throws(WebSocketError) in
                guard threadError == 0 else { throw FileThreads.noThreadError(threadError) }
                return try plan.readFiles()
            }
            // The loop refuses this once it has ended, and the attempt has ended with it.
            try? socketLoop.submit { _ in self.ready(result) }
        }
    }

    private func ready(_ result: Result<TLSClientContext?, WebSocketError>) {
        guard callback != nil else { return }
        switch result {
        case .failure(let error): fail(error)
        case .success(let context):
            tls = context
            resolve()
        }
    }

    private func resolve() {
        stage = .nameResolution
        if let path = plan.configuration.unixSocketPath {
            return resolved(.success([SocketAddress(host: path, port: 0)]))
        }
        let endpoint = plan.endpoint
        let host = plan.proxy?.host ?? endpoint.zone.map { "\(endpoint.host)%\($0)" } ?? endpoint.host
        lookup = resolver.addresses(of: host, port: plan.proxy?.port ?? endpoint.port) { [socketLoop] result in
            // The loop refuses this once it has ended, and the attempt has ended with it.
            try? socketLoop.submit { _ in self.resolved(result) }
        }
    }

    private func resolved(_ result: Result<[SocketAddress], WebSocketError>) {
        guard callback != nil else { return }
        switch result {
        case .failure(let error): fail(error)
        case .success(let addresses):
            stage = .connect
            race = AddressRace(addresses)
            perform(race.start())
        }
    }

    private func perform(_ action: AddressRace.Action) {
        var action = action
        while case .connect(let address) = action {
            // Addresses may be many, and fail one after the other at once.
            guard let next = connect(to: address) else { return }
            action = next
        }
        if action == .giveUp { fail(connectError()) }
    }

    /// Returns what to do next when the address has failed at once.
    private func connect(to address: SocketAddress) -> AddressRace.Action? {
        guard let core else { return nil }
        plan.configuration.logger.debug("connecting", metadata: ["address": "\(address)"])
        // Asked before, because libwebsockets does not say why it gets no socket.
        if let code = DescriptorReserve.shortage(of: DescriptorReserve.connection) {
            lastFailure = (address, PipeEnd(stage: .connect, cause: .systemError(code)))
            return race.failed(address)
        }
        let tls: TLSHandshake?
        let tunnel: ProxyTunnel?
        do {
            tunnel = try plan.proxy.map { proxy throws(WebSocketError) in
                try ProxyTunnel(through: proxy, to: plan.endpoint)
            }
            tls = try self.tls.map { context throws(WebSocketError) in
                try TLSHandshake(
                    context: context, configuration: plan.configuration.tls, host: plan.endpoint.host,
                    port: plan.endpoint.port, isInspection: plan.isInspection)
            }
        } catch {
            fail(error)
            return nil
        }
        let handshake = ClientHandshake(
            core: core, request: plan.request.bytes, followsRedirects: plan.configuration.redirects.limit > 0, tls: tls,
            tunnel: tunnel, owner: self)
        handshakes.append((address, handshake, tls))
        timers.append(
            core.schedule(after: AddressRace.staggerDelay) { [weak self] in
                guard let self, callback != nil else { return }
                perform(race.staggerDelayPassed(after: address))
            })
        do {
            try handshake.connect(to: address)
        } catch {
            fail(error)
        }
        return nil
    }

    // MARK: - The handshake's events

    func handshakeDidConnect(_ handshake: ClientHandshake) {
        guard let entry = handshakes.first(where: { $0.handshake === handshake }), race.connected(entry.address) else {
            return handshake.cancel()
        }
        winner = (handshake, entry.tls)
        if tls != nil { setDeadline(of: "tlsTimeout", after: plan.configuration.tlsTimeout) }
        for other in handshakes where other.handshake !== handshake {
            other.handshake.cancel()
        }
        handshakes = [entry]
    }

    func handshakeDidRequestUpgrade(_ handshake: ClientHandshake) {
        setDeadline(of: "upgradeTimeout", after: plan.configuration.upgradeTimeout)
    }

    func handshake(
        _ handshake: ClientHandshake, didSwitch head: ResponseHead, on pipe: BytePipe
    ) -> (any PipeConsumer)? {
        do {
            let response = try HandshakeResponse(
                status: head.status, headers: head.headers, answering: plan.request)
            let parameters = try DeflateParameters(agreed: response.extensions, offered: plan.request.extensions)
            let connection = Connection(
                role: .client, pipe: pipe, socketLoop: socketLoop, peer: plan.endpoint.origin,
                limits: plan.configuration.limits,
                compression: AgreedCompression(parameters, plan.configuration.compression),
                keepAlive: plan.configuration.keepAlive,
                logger: plan.configuration.logger)
            let address = handshakes.first.map { "\($0.address)" } ?? ""
            winner = nil
            handshakes = []
            connection.controlFrames = plan.configuration.controlFrames
            connection.startKeepAlive()
            finish(
                .success(
                    WebSocket(
                        handshake: response, tls: handshake.tlsInfo, remoteAddress: address, connection: connection)))
            return connection
        } catch {
            fail(
                WebSocketError(
                    .invalidHandshake, stage: .upgrade,
                    message: "\(error.description) The server is \(plan.endpoint.origin)."))
            return nil
        }
    }

    func handshake(_ handshake: ClientHandshake, wasRefused response: RefusedResponse) {
        fail(error(of: response))
    }

    func handshake(_ handshake: ClientHandshake, didEnd end: PipeEnd) {
        guard callback != nil else { return }
        if winner?.handshake === handshake {
            if let inspection = winner?.tls?.inspection { return fail(InspectionIsDone(inspection: inspection)) }
            return fail(handshakeError(end, tls: winner?.tls))
        }
        guard let index = handshakes.firstIndex(where: { $0.handshake === handshake }) else { return }
        let address = handshakes.remove(at: index).address
        lastFailure = (address, end)
        perform(race.failed(address))
    }

    // MARK: - The end

    func loopEnds() {
        fail(SocketLoop.shutDownError)
    }

    func fail(_ error: any Error) {
        finish(.failure(error))
    }

    /// Completes once; whatever happens afterwards finds nobody.
    private func finish(_ result: Result<WebSocket, any Error>) {
        guard let callback else { return }
        self.callback = nil
        for timer in timers { core?.cancel(timer) }
        if let stageDeadline { core?.cancel(stageDeadline) }
        if let fileWork { files.cancel(fileWork) }
        lookup?.cancel()
        for entry in handshakes { entry.handshake.cancel() }
        handshakes = []
        winner = nil
        core?.letGo(of: self)
        callback(result)
    }
}
