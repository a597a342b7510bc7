internal import WebSocketProtocol

/// A ping or a pong of the peer's, for the shapes of other clients, which show them.
package enum ControlFrame: Sendable {
    case ping(ArraySlice<UInt8>)
    case pong(ArraySlice<UInt8>)
}

/// Called on the loop's thread with each ping and pong. Returns whether a ping is to be answered.
package typealias ControlFrameObserver = @Sendable (ControlFrame) -> Bool

extension Connection {
    /// Shows what a turn has brought, and takes out the pings that are not to be answered.
    func showControlFrames(to observer: ControlFrameObserver) {
        turn.pings.removeAll { !observer(.ping($0)) }
        for pong in turn.pongs { _ = observer(.pong(pong)) }
    }
}

extension WebSocket {
    /// The most that a ping or a pong carries (RFC 6455 section 5.5).
    package static let largestControlPayload = 125

    /// Sends a ping with a payload of the caller's, which waits for nothing. Its pong is shown to the observer.
    ///
    /// - Throws: ``WebSocketError`` with `invalidConfiguration` for more than 125 bytes, with `connectionClosed` or what ended
    ///   the connection.
    package func sendPing(_ payload: [UInt8]) throws {
        try connection.sendControl(payload) { queue throws(RandomSourceFailure) in try queue.appendPing(payload) }
    }

    /// Sends a pong that nobody has asked for (RFC 6455 section 5.5.3); as ``sendPing(_:)``.
    package func sendPong(_ payload: [UInt8]) throws {
        try connection.sendControl(payload) { queue throws(RandomSourceFailure) in try queue.appendPong(payload) }
    }
}

extension Connection {
    fileprivate func sendControl(
        _ payload: [UInt8], _ append: (inout OutboundQueue) throws(RandomSourceFailure) -> Void
    ) throws(WebSocketError) {
        guard payload.count <= WebSocket.largestControlPayload else {
            throw WebSocketError(
                .invalidConfiguration, stage: .open,
                message: "a ping or pong of \(payload.count) bytes: RFC 6455 section 5.5 allows 125")
        }
        let needsSchedule = try withOutbound { outbound throws(WebSocketError) in
            guard outbound.queue.machine.allowsSending else { throw Self.closedError(outbound.outcome) }
            do throws(RandomSourceFailure) {
                try append(&outbound.queue)
            } catch {
                throw Self.randomError(error)
            }
            return Self.markScheduled(&outbound.queue)
        }
        if needsSchedule { schedule() }
    }
}
