internal import Synchronization
internal import Foundation
internal import HTTPTypes
internal import LibWebSockets
internal import WebSocketCompat
internal import WebSocketService

extension WebSocket {
    /// Returns the handlers for the connections of one call of ``connect()``.
    func handlers(of generation: Int, reconnects: Bool) -> ShapeSocket.Handlers {
        var handlers = ShapeSocket.Handlers(
            opened: { [weak self] socket, _ in await self?.opened(socket, generation) },
            message: { [weak self] message in
                let event = message.text.map(WebSocketEvent.text) ?? .binary(Data(message.payload))
                await self?.deliver([event])
            },
            ended: { [weak self] end in await self?.ended(end, generation, reconnects) },
            failed: { [weak self] error in await self?.failed(error, generation, reconnects) },
            finished: { [weak self] in await self?.finished(generation) })
        handlers.control = { [weak self] frame in
            switch frame {
            case .ping(let payload): await self?.deliver([.ping(Data(payload))])
            case .pong(let payload): await self?.deliver([.pong(Data(payload))])
            }
        }
        handlers.answersPings = { [weak self] in self?.respondToPingWithPong ?? true }
        return handlers
    }

    private func opened(_ socket: LibWebSockets.WebSocket, _ generation: Int) async {
        state.withLock { state in
            if state.generation == generation { state.hasBeenOpen = true }
        }
        await deliver([.viabilityChanged(true), .connected(Self.dictionary(socket.handshake.headers))])
    }

    private func failed(_ error: any Error, _ generation: Int, _ reconnects: Bool) async {
        letGo(of: generation, reconnects)
        await deliver([.error(Self.shown(error))])
    }

    /// Lets go of the connection of one call of ``connect()``. A program that calls it again on being told of the end means
    /// a new connection.
    private func letGo(of generation: Int, _ reconnects: Bool) {
        state.withLock { state in
            if state.generation == generation, !reconnects { state.endingSocket = state.socket.take() }
        }
    }

    private func ended(_ end: ConnectionEnd, _ generation: Int, _ reconnects: Bool) async {
        // By this side: the last event tells of it.
        guard case .failed(let failure) = end else { return }
        letGo(of: generation, reconnects)
        switch failure {
        case .closed(let closure): await deliver([.disconnected(closure.reason, closure.code.rawValue)])
        case .lost(let error as WebSocketError) where error.code == .connectionLost && error.errno == nil:
            await deliver([.viabilityChanged(false), .peerClosed])
        case .lost(let error), .connectFailed(let error), .onOpenFailed(let error):
            await deliver([.viabilityChanged(false), .error(Self.shown(error))])
        case .heartbeatTimeout: await deliver([.viabilityChanged(false), .error(failure)])
        }
    }

    private func finished(_ generation: Int) async {
        let tells = state.withLock { state in
            guard state.generation == generation else { return false }
            (state.socket, state.endingSocket) = (nil, nil)
            return state.hasBeenOpen || state.isDisconnecting
        }
        if tells { await deliver([.cancelled]) }
    }

    /// Calls delegate and closure on the callback queue, and returns when they have.
    func deliver(_ events: [WebSocketEvent]) async {
        let queue = callbackQueue
        await withCheckedContinuation { continuation in
            queue.async { [weak self] in
                for event in events { self?.tell(event) }
                continuation.resume()
            }
        }
    }

    private func tell(_ event: WebSocketEvent) {
        let (reference, handler) = state.withLock { ($0.delegate, $0.onEvent) }
        reference.delegate?.didReceive(event: event, client: self)
        handler?.call(event)
    }

    private static func shown(_ error: any Error) -> any Error {
        guard let error = error as? WebSocketError else { return error }
        if let refusal = error.refusal {
            return HTTPUpgradeError.notAnUpgrade(refusal.status.code, dictionary(refusal.headers))
        }
        guard error.code == .protocolViolation || error.code == .messageTooBig else { return error }
        return WSError(type: .protocolError, message: error.message, code: error.closure?.sent?.code?.rawValue ?? 1002)
    }

    private static func dictionary(_ fields: HTTPFields) -> [String: String] {
        Dictionary(fields.map { ($0.name.rawName, $0.value) }) { first, second in "\(first), \(second)" }
    }
}
