internal import WebSocketProtocol

/// The faults that a server for tests commits on purpose, on one connection.
package struct ConnectionFaults: Sendable {
    /// Reads nothing from the network.
    package var readsNothing = false
    /// Leaves pings without a pong.
    package var ignoresPings = false
    /// The time that arriving bytes wait before they are read.
    package var delay = Duration.zero
    /// Told of the messages that arrive, on the loop's thread: it must not block.
    package var received: (@Sendable ([WebSocketMessage]) -> Void)?
    /// The waiting bytes have waited for long enough.
    var isDelayOver = false

    package init() {}
}
