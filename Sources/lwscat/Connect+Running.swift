import ArgumentParser
import Foundation
import WebSocketService

extension Connect {
    /// Whether a person sits at both ends.
    private var isInteractive: Bool {
        !output.json && session.executes.isEmpty && isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1
    }

    private func style(on descriptor: Int32) -> Style {
        Style(output.color, isTerminal: isatty(descriptor) == 1, environment: ProcessInfo.processInfo.environment)
    }

    @MainActor
    private func makeRunner(_ counterpart: any Counterpart) -> Runner {
        let isServer = listen != nil
        let isInteractive = isInteractive
        let wait: Duration? =
            switch session.wait {
            case .limited(let duration): duration
            case .forever: nil
            case nil: isServer ? nil : .seconds(2)
            }
        let options = Session.Options(
            isServer: isServer, isInteractive: isInteractive, wait: wait,
            maximumMessages: session.maxMessages, sendsBinary: session.binary)
        let style = style(on: STDOUT_FILENO)
        // Whatever the input is: it is the output's reader whom a peer must not deceive.
        let isTerminal = isatty(STDOUT_FILENO) == 1
        let format: Screen.Format =
            output.json
            ? .json(JSONFormat(isServer: isServer, isTerminal: isTerminal))
            : .text(
                TextFormat(
                    hasPrompt: isInteractive, isTerminal: isTerminal, style: style,
                    errorStyle: self.style(on: STDERR_FILENO), isVerbose: output.verbose,
                    showsStatistics: output.stats))
        let screen = Screen(format: format, style: style, terminal: isInteractive ? RawTerminal() : nil)
        return Runner(
            session: Session(options), counterpart: counterpart, screen: screen,
            closing: (CloseCode(rawValue: session.closeCode), session.closeReason))
    }

    private func route(of message: WebSocketMessage) -> String? {
        output.route.flatMap { JSONRouter(routeKey: $0).route(of: message) }
    }

    // MARK: Connecting

    @MainActor
    func connect() async throws -> EndStatus {
        let url = url ?? ""
        var configuration = way.configuration(tls: acceptance.client(certificates))
        request.apply(to: &configuration)
        do {
            try WebSocket.validate(url, configuration: configuration)
        } catch {
            throw ValidationError(error.message)
        }
        var options = SocketService.Options()
        options.attemptTimeout = way.connectTimeout + .seconds(5)
        let service = SocketService(
            url, transport: WebSocketTransport(configuration: configuration), reconnect: session.reconnectPolicy,
            heartbeat: session.heartbeat, queue: QueuePolicy(overflow: .suspend), options: options)
        let runner = makeRunner(Connecting(service: service))
        hook(runner, to: service, url: url)
        let events = service.events
        let following = Task {
            for await event in events {
                switch event {
                case .waiting(let delay, let attempt): runner.handle(.waiting(delay, attempt: attempt))
                case .roundTrip(let duration): runner.handle(.roundTrip(duration))
                default: break
                }
            }
        }
        defer { following.cancel() }
        return try await run(runner) { try await service.start() }
    }

    /// The handlers come in the order of what they tell, the events of ``SocketService/events`` as soon as it happens.
    private func hook(_ runner: Runner, to service: SocketService, url: String) {
        service.onOpen { context in
            await runner.handle(.opened(url, subprotocol: context.handshake.subprotocol))
        }
        service.onMessage { message in
            await runner.handle(.message(message, route: route(of: message)))
        }
        service.onClose { end in
            guard case .failed(let failure) = end, let received = failure.closure?.received else { return }
            await runner.handle(.closed(received.code ?? .noStatusReceived, reason: received.reason))
        }
        service.onError { error in
            guard let failure = error.failure else { return }
            if error.code == .gaveUp {
                await runner.handle(.gaveUp)
            } else if failure.closure?.received == nil {
                let hint = failure.webSocketError?.tlsFailure?.hint
                await runner.handle(.failed("\(failure)", EndStatus(failure), hint: hint))
            }
        }
    }

    // MARK: Listening

    @MainActor
    func serve(_ address: ListenAddress) async throws -> EndStatus {
        let clients = Clients()
        let runner = makeRunner(clients)
        let supported = request.subprotocols
        let configuration = WebSocketServer.Configuration(
            host: address.host, port: address.port, tls: acceptance.server(certificates),
            compression: request.noCompression ? .disabled : .automatic,
            maximumMessageSize: request.maximumSize,
            decide: { request in
                .accept(subprotocol: supported.first { request.subprotocols.contains($0) })
            })
        let server: WebSocketServer
        do {
            server = try await WebSocketServer.start(configuration: configuration) { socket, request in
                clients.add(socket)
                await runner.handle(.opened(request.peer, subprotocol: socket.handshake.subprotocol))
                // Why the messages end is told by the closure.
                while let batch = try? await socket.nextMessages() {
                    for message in batch {
                        await runner.handle(.message(message, route: route(of: message), peer: request.peer))
                    }
                }
                clients.remove(socket)
                let closure = socket.closure
                await runner.handle(
                    .clientLeft(
                        request.peer, closure?.code ?? .abnormalClosure, reason: closure?.received?.reason ?? ""))
            }
        } catch let error as WebSocketError {
            // With a number of the system's it is the port, not what was asked for.
            if error.code == .invalidConfiguration, error.errno == nil { throw ValidationError(error.message) }
            runner.handle(.failed(error.message, .systemError))
            runner.handle(.gaveUp)
            return await runner.result()
        }
        clients.listens(server)
        runner.print(.listening(server.url))
        return try await run(runner) {}
    }

    // MARK: Until the end

    @MainActor
    private func run(_ runner: Runner, start: () async throws -> Void) async throws -> EndStatus {
        let signals = Signals { number in runner.handle(.signal(number)) }
        defer { signals.cancel() }
        try await start()
        let input = Task { await read(for: runner) }
        defer { input.cancel() }
        return await runner.result()
    }

    @MainActor
    private func read(for runner: Runner) async {
        let executes = session.executes
        if !executes.isEmpty {
            for text in executes { await runner.send(line: text) }
        } else if isInteractive {
            return await runner.edit(StandardInput())
        } else {
            let input = StandardInput()
            var splitter = LineSplitter()
            while let bytes = await input.next() {
                for line in splitter.add(bytes) { await runner.send(line: line) }
            }
            if let line = splitter.finish() { await runner.send(line: line) }
        }
        runner.handle(.inputEnded)
    }
}
