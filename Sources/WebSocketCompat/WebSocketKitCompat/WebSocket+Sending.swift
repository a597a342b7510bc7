internal import Synchronization
public import Foundation
internal import LibWebSockets

extension WebSocket {
    /// Sends a text message, in the order of the calls. The promise is complete when the connection has taken the message.
    public func send<S: Collection>(_ text: S, promise: EventLoopPromise<Void>? = nil) where S.Element == Character {
        pump.send(.text(String(text))) { promise?.complete($0) }
    }

    /// Sends a binary message; as ``send(_:promise:)``.
    public func send(_ binary: some DataProtocol, promise: EventLoopPromise<Void>? = nil) {
        pump.send(.binary(binary)) { promise?.complete($0) }
    }

    /// Sends a text message, and waits until the connection has taken it.
    public func send<S: Collection>(_ text: S) async throws where S.Element == Character {
        let promise = eventLoop.makePromise(of: Void.self)
        send(text, promise: promise)
        try await promise.futureResult.get()
    }

    /// Sends a binary message, and waits until the connection has taken it.
    public func send(_ binary: [UInt8]) async throws {
        let promise = eventLoop.makePromise(of: Void.self)
        send(binary, promise: promise)
        try await promise.futureResult.get()
    }

    /// Sends a frame; as ``send(raw:opcode:fin:promise:)``.
    public func send(
        _ data: ByteBuffer, opcode: WebSocketOpcode = .binary, fin: Bool = true, promise: EventLoopPromise<Void>? = nil
    ) {
        send(raw: data.readableBytesView, opcode: opcode, fin: fin, promise: promise)
    }

    /// Sends a frame, and waits until the connection has taken it.
    public func send(raw data: some DataProtocol, opcode: WebSocketOpcode, fin: Bool = true) async throws {
        let promise = eventLoop.makePromise(of: Void.self)
        send(raw: data, opcode: opcode, fin: fin, promise: promise)
        try await promise.futureResult.get()
    }

    /// Sends what one frame of the original would carry.
    ///
    /// A message in several frames is collected, and sent with the one that has `fin`. Text that is not UTF-8 is repaired
    /// with U+FFFD.
    public func send(
        raw data: some DataProtocol, opcode: WebSocketOpcode, fin: Bool = true, promise: EventLoopPromise<Void>? = nil
    ) {
        let bytes = Array(data)
        switch opcode {
        case .ping: promise.complete { try raw.sendPing(bytes) }
        case .pong: promise.complete { try raw.sendPong(bytes) }
        case .connectionClose: close(code: Self.closeCode(of: bytes), promise: promise)
        case .text, .binary, .continuation:
            let message = life.withLock { life -> (opcode: WebSocketOpcode, bytes: [UInt8])? in
                var whole = (opcode: opcode, bytes: [UInt8]())
                // Taken out, so that it grows where it is.
                if opcode == .continuation { whole = life.fragments.take() ?? whole }
                whole.bytes += bytes
                life.fragments = fin ? nil : whole
                return fin ? whole : nil
            }
            guard let message else {
                promise?.succeed()
                return
            }
            let content: WebSocketMessage =
                message.opcode == .text
                ? .text(String(decoding: message.bytes, as: UTF8.self)) : .binary(message.bytes)
            pump.send(content) { promise?.complete($0) }
        }
    }

    private static func closeCode(of payload: [UInt8]) -> WebSocketErrorCode {
        guard payload.count >= 2 else { return .unknown(1005) }
        return WebSocketErrorCode(codeNumber: Int(payload[0]) << 8 | Int(payload[1]))
    }

    // MARK: Pings

    /// Sends a ping.
    public func sendPing(promise: EventLoopPromise<Void>? = nil) {
        sendPing(Data(), promise: promise)
    }

    /// Sends a ping with a payload of at most 125 bytes.
    public func sendPing(_ data: Data, promise: EventLoopPromise<Void>? = nil) {
        promise.complete { try raw.sendPing(Array(data)) }
    }

    /// Sends a ping.
    public func sendPing() async throws {
        try raw.sendPing([])
    }

    /// Sends a ping with a payload of at most 125 bytes.
    public func sendPing(_ data: Data) async throws {
        try raw.sendPing(Array(data))
    }

    /// The interval of pings to the server. A ping that is not answered before the next one is due aborts the connection,
    /// with the ``closeCode`` 1006. `nil`, the default, does not ping.
    ///
    /// The server is not blamed while messages of its own wait in front of the pong for a handler.
    public var pingInterval: TimeAmount? {
        get { life.withLock(\.pingInterval) }
        set {
            let previous = life.withLock { life in
                life.pingInterval = newValue
                let previous = life.pinging.take()
                // Less than a millisecond would be nothing but pings.
                let interval = newValue.map { max($0.duration, .milliseconds(1)) }
                life.pinging = interval.map { interval in
                    Task.detached { [weak self] in await self?.ping(every: interval) }
                }
                return previous
            }
            previous?.cancel()
        }
    }

    private func ping(every interval: Duration) async {
        while !Task.isCancelled {
            let start = ContinuousClock.now
            do {
                _ = try await raw.ping(timeout: interval)
                try await Task.sleep(until: start + interval, clock: .continuous)
            } catch let error as WebSocketError where error.code == .timedOut && raw.closure == nil {
                guard raw.statistics.bytesWaitingToBeRead == 0 else { continue }
                life.withLock { $0.closeCode = .unknown(1006) }
                return raw.abort()
            } catch {
                return
            }
        }
    }
}

extension EventLoopPromise<Void>? {
    fileprivate func complete(_ body: () throws -> Void) {
        do {
            try body()
            self?.succeed()
        } catch {
            self?.fail(error)
        }
    }
}
