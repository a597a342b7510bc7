internal import WebSocketProtocol

/// Called on the loop's thread with each ping and pong. Returns whether a ping is to be answered.
package typealias ControlFrameObserver = @Sendable (ControlFrame) -> Bool

extension Connection {
    /// Shows what a read has brought, and takes out the pings that are not to be answered.
    func showControlFrames(to observer: ControlFrameObserver) {
        readResult.pings.removeAll { !observer(.ping($0)) }
        for pong in readResult.pongs { _ = observer(.pong(pong)) }
    }
}

extension Connection {
    /// The most that a ping or a pong carries (RFC 6455 section 5.5).
    static let largestControlPayload = 125

    func sendControl(
        _ payload: [UInt8], _ append: (inout OutboundQueue) throws(RandomSourceFailure) -> Void
    ) throws(WebSocketError) {
        guard payload.count <= Self.largestControlPayload else {
            throw WebSocketError(
                .invalidConfiguration, stage: .open,
                message: "a ping or pong of \(payload.count) bytes: RFC 6455 section 5.5 allows 125")
        }
        let needsWakeUp = try withOutbound { outbound throws(WebSocketError) in
            guard outbound.queue.machine.allowsSending else { throw Self.closedError(outbound.ending) }
            do throws(RandomSourceFailure) {
                try append(&outbound.queue)
            } catch {
                throw Self.randomError(error)
            }
            return Self.claimWakeUp(&outbound.queue)
        }
        if needsWakeUp { wakeLoop() }
    }
}
