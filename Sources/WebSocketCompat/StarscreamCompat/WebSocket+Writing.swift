internal import Synchronization
public import Foundation
internal import LibWebSockets

extension WebSocket {
    /// Sends a text message, in the order of the calls. Between ``connect()`` and the open connection it waits; without either it
    /// goes nowhere.
    ///
    /// - Parameters:
    ///   - string: The text.
    ///   - completion: Called on ``callbackQueue`` once the connection has taken the message, and also where it never will,
    ///     which the original does not.
    public func write(string: String, completion: (() -> Void)?) {
        send(.text(string), completion)
    }

    /// Sends a text message, given as UTF-8; what is not UTF-8 is replaced by U+FFFD.
    public func write(stringData: Data, completion: (() -> Void)?) {
        send(.text(String(decoding: stringData, as: UTF8.self)), completion)
    }

    /// Sends a binary message; as ``write(string:completion:)``.
    public func write(data: Data, completion: (() -> Void)?) {
        send(.binary(data), completion)
    }

    /// Sends a ping, ahead of messages that wait. A payload of more than 125 bytes is not sent.
    public func write(ping: Data, completion: (() -> Void)?) {
        try? state.withLock(\.socket)?.current?.sendPing(Array(ping))
        call(completion)
    }

    /// Sends a pong, ahead of messages that wait. A payload of more than 125 bytes is not sent.
    public func write(pong: Data, completion: (() -> Void)?) {
        try? state.withLock(\.socket)?.current?.sendPong(Array(pong))
        call(completion)
    }

    private func send(_ message: WebSocketMessage, _ completion: (() -> Void)?) {
        guard let socket = state.withLock(\.socket) else { return call(completion) }
        guard let completion else { return socket.send(message) }
        let called = WriteCompletion(call: completion)
        socket.send(message) { [queue = callbackQueue] _ in queue.async { called.call() } }
    }

    private func call(_ completion: (() -> Void)?) {
        guard let completion else { return }
        let called = WriteCompletion(call: completion)
        callbackQueue.async { called.call() }
    }
}
