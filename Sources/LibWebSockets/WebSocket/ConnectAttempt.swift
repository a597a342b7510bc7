internal import HTTPTypes
internal import Logging
internal import WebSocketProtocol
internal import LibC

/// One attempt to open a WebSocket: name resolution, race of the addresses, TLS, upgrade, all within one deadline.
///
/// Lives on the loop's thread, from ``start(_:)`` to the one call of the completion. `@unchecked Sendable` for the
/// closures that bring it back to that thread: the resolver's, the canceller's.
final class ConnectAttempt: ClientTransportOwner, @unchecked Sendable {
    /// Everything that can be checked before any I/O.
    struct Plan: Sendable {
        let endpoint: Endpoint
        let configuration: WebSocketConfiguration
        let request: UpgradeRequest
        /// `nil` for `ws:`, and where files have to be read first; see ``readFiles()``.
        let tls: TLSClientContext?
        let proxy: Proxy?
        /// Goes no further than TLS, and fails with the ``TLSInspection`` (``InspectionIsDone``).
        let isInspection: Bool

        init(
            endpoint: Endpoint, configuration: WebSocketConfiguration, isInspection: Bool = false
        ) throws(WebSocketError) {
            self.endpoint = endpoint
            self.isInspection = isInspection
            self.configuration = configuration
            do {
                request = try UpgradeRequest(
                    endpoint: endpoint, key: HandshakeKey(.openSSL), subprotocols: configuration.subprotocols,
                    extensions: configuration.compression.offers, headers: configuration.headers)
            } catch let error as InvalidUpgradeRequest {
                throw WebSocketError(.invalidConfiguration, stage: .configuration, message: error.description)
            } catch {
                throw WebSocketError(.libraryUnsuitable, stage: .configuration, message: "\(error)")
            }
            proxy =
                configuration.unixSocketPath == nil
                ? try configuration.proxy.proxy(for: endpoint, environment: ProcessEnvironment.current) : nil
            if endpoint.isSecure { try configuration.tls.validate() }
            tls =
                endpoint.isSecure && configuration.tls.paths.isEmpty
                ? try TLSClientContextCache.shared.context(for: configuration.tls, logger: configuration.logger) : nil
        }

        /// The context for `wss:`. It looks at files, and may take as long as the file system likes.
        func readFiles() throws(WebSocketError) -> TLSClientContext? {
            guard endpoint.isSecure, tls == nil else { return tls }
            return try TLSClientContextCache.shared.context(for: configuration.tls, logger: configuration.logger)
        }
    }

    typealias Completion = @Sendable (Result<WebSocket, any Error>) -> Void

    let plan: Plan
    /// The context for `wss:`, once it is there.
    private var tls: TLSClientContext?
    /// The rest of the plan's `connectTimeout`.
    private let remainingTime: Duration
    private let socketLoop: SocketLoop
    private let resolver: Resolver
    private let files: FileThreads
    private var completion: Completion?
    private var race = AddressRace([])
    private var transports: [(address: SocketAddress, transport: ClientTransport, tls: TLSHandshake?)] = []
    /// The transport whose TCP connection stood first.
    private var winner: (transport: ClientTransport, tls: TLSHandshake?)?
    private var timers: [LoopTimers.ID] = []
    /// Until a transport has won, which then knows better.
    private var stage = WebSocketError.Stage.nameResolution
    private var fileWork: FileThreads.ID?
    private var lookup: Resolver.Lookup?
    private var stageDeadline: LoopTimers.ID?
    /// The failure of the last address that failed.
    private(set) var lastFailure: (address: SocketAddress, end: TransportEnd)?
    private var core: LoopCore?

    private init(
        plan: Plan, remainingTime: Duration, socketLoop: SocketLoop, resolver: Resolver, files: FileThreads,
        completion: @escaping Completion
    ) {
        self.plan = plan
        self.resolver = resolver
        self.files = files
        self.remainingTime = remainingTime
        self.socketLoop = socketLoop
        self.completion = completion
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
        guard completion != nil else { return }
        guard !core.isShuttingDown else { return fail(SocketLoop.shutDownError) }
        let timeout = plan.configuration.connectTimeout
        guard remainingTime > .zero || timeout == .zero else { return fail(Self.lateError(plan)) }
        self.core = core
        core.attempts.insert(self)
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
        guard completion != nil else { return }
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
        guard completion != nil else { return }
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
            lastFailure = (address, TransportEnd(stage: .connect, cause: .systemError(code)))
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
        let transport = ClientTransport(
            core: core, request: plan.request.bytes, followsRedirects: plan.configuration.redirects.limit > 0, tls: tls,
            tunnel: tunnel, owner: self)
        transports.append((address, transport, tls))
        timers.append(
            core.schedule(after: AddressRace.staggerDelay) { [weak self] in
                guard let self, completion != nil else { return }
                perform(race.staggerDelayPassed(after: address))
            })
        do {
            try transport.connect(to: address)
        } catch {
            fail(error)
        }
        return nil
    }

    // MARK: - The transport's events

    func transportDidConnect(_ transport: ClientTransport) {
        guard let entry = transports.first(where: { $0.transport === transport }), race.connected(entry.address) else {
            return transport.cancel()
        }
        winner = (transport, entry.tls)
        if tls != nil { schedule(plan.configuration.tlsTimeout, named: "tlsTimeout") }
        for other in transports where other.transport !== transport {
            other.transport.cancel()
        }
        transports = [entry]
    }

    func transportDidRequestUpgrade(_ transport: ClientTransport) {
        schedule(plan.configuration.upgradeTimeout, named: "upgradeTimeout")
    }

    func transport(
        _ transport: ClientTransport, didSwitch head: ResponseHead, on pipe: BytePipe
    ) -> (any PipeConsumer)? {
        do {
            let handshake = try HandshakeResponse(
                status: head.status, headers: head.headers, answering: plan.request)
            let parameters = try DeflateParameters(agreed: handshake.extensions, offered: plan.request.extensions)
            let connection = Connection(
                role: .client, pipe: pipe, socketLoop: socketLoop, peer: plan.endpoint.origin,
                limits: plan.configuration.limits,
                compression: AgreedCompression(parameters, plan.configuration.compression),
                keepAlive: plan.configuration.keepAlive,
                logger: plan.configuration.logger)
            let address = transports.first.map { "\($0.address)" } ?? ""
            winner = nil
            transports = []
            connection.controlFrames = plan.configuration.controlFrames
            connection.startKeepAlive()
            finish(
                .success(
                    WebSocket(
                        handshake: handshake, tls: transport.tlsInfo, remoteAddress: address, connection: connection)))
            return connection
        } catch {
            fail(
                WebSocketError(
                    .invalidHandshake, stage: .upgrade,
                    message: "\(error.description) The server is \(plan.endpoint.origin)."))
            return nil
        }
    }

    func transport(_ transport: ClientTransport, wasRefused response: RefusedResponse) {
        fail(error(of: response))
    }

    func transport(_ transport: ClientTransport, didEnd end: TransportEnd) {
        guard completion != nil else { return }
        if winner?.transport === transport {
            if let inspection = winner?.tls?.inspection { return fail(InspectionIsDone(inspection: inspection)) }
            return fail(handshakeError(end, tls: winner?.tls))
        }
        guard let index = transports.firstIndex(where: { $0.transport === transport }) else { return }
        let address = transports.remove(at: index).address
        lastFailure = (address, end)
        perform(race.failed(address))
    }

    /// Sets a deadline of one stage, which ends with the attempt or with the next one.
    private func schedule(_ timeout: Duration?, named name: String) {
        if let stageDeadline { core?.cancel(stageDeadline) }
        guard let timeout, let core else {
            stageDeadline = nil
            return
        }
        stageDeadline = core.schedule(after: timeout) { [weak self] in self?.deadlinePassed(timeout, name) }
    }

    /// Not the fault of anything that this attempt would do: redirects took the time, or there was hardly any.
    private static func lateError(_ plan: Plan) -> WebSocketError {
        WebSocketError(
            .timedOut, stage: .upgrade,
            message: """
                it took longer than \(plan.configuration.connectTimeout) (connectTimeout), in which redirects count too, before \
                \(plan.endpoint.origin) could be tried
                """)
    }

    private func deadlinePassed(_ timeout: Duration, _ name: String) {
        // The part of a refusal that has arrived counts.
        if let refusal = winner?.transport.takeRefusal() {
            return fail(error(of: refusal))
        }
        if let refusal = winner?.transport.takeProxyRefusal() { return fail(refusal) }
        let stage = winner?.transport.stage ?? stage
        let what =
            switch stage {
            case .configuration: "read \(plan.configuration.tls.files.map(\.description).joined(separator: ", "))"
            case .nameResolution where lookup?.isHeldUp == true:
                """
                resolve the host name "\(plan.endpoint.host)", which nobody has begun to: \(Resolver.maximumThreadCount) other \
                names are being looked up, and no name server answers
                """
            case .nameResolution: "resolve the host name \"\(plan.endpoint.host)\""
            case .connect: "connect to \(plan.endpoint.origin)"
            case .proxy: "be let through to \(plan.endpoint.origin) by the proxy \(plan.proxy?.description ?? "")"
            case .tls: "complete the TLS handshake with \(plan.endpoint.origin)"
            default: "get an answer to the upgrade request from \(plan.endpoint.origin)"
            }
        fail(
            WebSocketError(
                .timedOut, stage: stage,
                message: "it took longer than \(timeout) (\(name)) to \(what)"))
    }

    func loopEnds() {
        fail(SocketLoop.shutDownError)
    }

    // MARK: - The end

    private func fail(_ error: any Error) {
        finish(.failure(error))
    }

    /// Completes once; whatever happens afterwards finds nobody.
    private func finish(_ result: Result<WebSocket, any Error>) {
        guard let completion else { return }
        self.completion = nil
        for timer in timers { core?.cancel(timer) }
        if let stageDeadline { core?.cancel(stageDeadline) }
        if let fileWork { files.cancel(fileWork) }
        lookup?.cancel()
        for entry in transports { entry.transport.cancel() }
        transports = []
        winner = nil
        core?.attempts.remove(self)
        completion(result)
    }
}

extension ConnectAttempt: Hashable {
    static func == (left: ConnectAttempt, right: ConnectAttempt) -> Bool { left === right }
    func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

/// Carries a task's cancellation to an attempt that may not have been made yet.
private final class Canceller: Sendable {
    private enum State {
        case idle
        case armed(@Sendable () -> Void)
        case cancelled
    }

    private let state = Lock(State.idle)

    func set(_ action: @escaping @Sendable () -> Void) {
        let isCancelled = state.withLock { state in
            if case .cancelled = state { return true }
            state = .armed(action)
            return false
        }
        if isCancelled { action() }
    }

    func cancel() {
        let action: (@Sendable () -> Void)? = state.withLock { state in
            defer { state = .cancelled }
            if case .armed(let action) = state { return action }
            return nil
        }
        action?()
    }
}
