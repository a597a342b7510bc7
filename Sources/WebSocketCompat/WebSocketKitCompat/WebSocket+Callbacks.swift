extension WebSocket {
    /// Calls a handler with each text message. The one that was set last counts.
    @preconcurrency
    public func onText(_ callback: @escaping @Sendable (WebSocket, String) -> Void) {
        callbacks.onText { callback($0, $1) }
    }

    /// Calls a handler with each text message. The next message waits until it has returned.
    @preconcurrency
    public func onText(_ callback: @escaping @Sendable (WebSocket, String) async -> Void) {
        callbacks.onText(callback)
    }

    /// Calls a handler with each binary message.
    @preconcurrency
    public func onBinary(_ callback: @escaping @Sendable (WebSocket, ByteBuffer) -> Void) {
        callbacks.onBinary { callback($0, $1) }
    }

    /// Calls a handler with each binary message. The next message waits until it has returned.
    @preconcurrency
    public func onBinary(_ callback: @escaping @Sendable (WebSocket, ByteBuffer) async -> Void) {
        callbacks.onBinary(callback)
    }

    /// Calls a handler with each pong and its payload, beside the messages.
    public func onPong(_ callback: @escaping @Sendable (WebSocket, ByteBuffer) -> Void) {
        callbacks.onPong { callback($0, $1) }
    }

    /// Calls a handler with each pong and its payload, beside the messages.
    public func onPong(_ callback: @escaping @Sendable (WebSocket, ByteBuffer) async -> Void) {
        callbacks.onPong(callback)
    }

    /// Calls a handler with each pong.
    @available(*, deprecated, message: "use onPong with the payload")
    @preconcurrency
    public func onPong(_ callback: @escaping @Sendable (WebSocket) -> Void) {
        callbacks.onPong { socket, _ in callback(socket) }
    }

    /// Calls a handler with each pong.
    @available(*, deprecated, message: "use onPong with the payload")
    @preconcurrency
    public func onPong(_ callback: @escaping @Sendable (WebSocket) async -> Void) {
        callbacks.onPong { socket, _ in await callback(socket) }
    }

    /// Calls a handler with each ping and its payload, beside the messages. It is answered by itself.
    public func onPing(_ callback: @escaping @Sendable (WebSocket, ByteBuffer) -> Void) {
        callbacks.onPing { callback($0, $1) }
    }

    /// Calls a handler with each ping and its payload, beside the messages. It is answered by itself.
    public func onPing(_ callback: @escaping @Sendable (WebSocket, ByteBuffer) async -> Void) {
        callbacks.onPing(callback)
    }

    /// Calls a handler with each ping.
    @available(*, deprecated, message: "use onPing with the payload")
    @preconcurrency
    public func onPing(_ callback: @escaping @Sendable (WebSocket) -> Void) {
        callbacks.onPing { socket, _ in callback(socket) }
    }

    /// Calls a handler with each ping.
    @available(*, deprecated, message: "use onPing with the payload")
    @preconcurrency
    public func onPing(_ callback: @escaping @Sendable (WebSocket) async -> Void) {
        callbacks.onPing { socket, _ in await callback(socket) }
    }
}
