internal import Logging
internal import Synchronization
internal import WebSocketProtocol

/// One established connection, of either role: frames in and out of a byte pipe.
///
/// What threads share is under one of two locks: the output and the connection's state (`outbound`), and the received
/// messages (`inbound`). Neither is held while the other is taken, nor while a continuation is resumed. Everything else
/// belongs to the loop's thread.
///
/// `@unchecked Sendable` because the members marked as the loop's are touched in methods that the loop calls, only; the
/// transport asserts its thread on each use.
final class Connection: PipeConsumer, @unchecked Sendable {
    struct Limits {
        var maximumMessageSize: Int
        /// Received bytes that may wait for the program before reading stops.
        var receiveBuffer: Int
        /// Bytes that may wait for the network before `send` suspends.
        var sendBuffer: Int
        var closeTimeout: Duration
    }

    private struct Outbound: ~Copyable {
        var queue: OutboundQueue
        var pings: PendingPings
        /// Whether a message is being sent in fragments, between which no other message may come (RFC 6455 section 5.4).
        var isStreaming = false
        /// Senders that wait for room or for their turn.
        var waiters: [UInt64: CheckedContinuation<Void, any Error>] = [:]
        var lastWaiter: UInt64 = 0
        var closeWaiters: [UInt64: CheckedContinuation<WebSocketClosure, any Error>] = [:]
        /// Set once, when it is certain how the connection ends.
        var outcome: Outcome?

        mutating func takeWaiters() -> [CheckedContinuation<Void, any Error>] {
            defer { waiters = [:] }
            return waiters.isEmpty ? [] : waiters.sorted { $0.key < $1.key }.map(\.value)
        }
    }

    /// How the connection ended, as calls made afterwards report it.
    struct Outcome {
        var closure: WebSocketClosure
        /// `nil` after an orderly end.
        var error: WebSocketError?
        var unsentMessageCount: Int
    }

    let eventLoop: EventLoop
    let limits: Limits
    private let logger: Logger
    private let peer: String
    private let outboundLock = Mutex(())
    private var outbound: Outbound
    private let inboundLock = Mutex(())
    /// `nil` when compression was not agreed on.
    private let compressor: MessageCompressor?
    private let networkBytesReceived = Atomic<UInt64>(0)
    private var inbound = InboundQueue()

    // The loop's.
    private var pipe: LoopSocket?
    private var reader: MessageReader
    private var turn = ReceivedTurn()
    private var segment: OutboundQueue.Segment?
    private var segmentOffset = 0
    private var closeDeadline: TimerQueue<ContinuousClock.Instant>.ID?
    private var transportError: WebSocketError?

    /// The largest piece given to libwebsockets at once: what the socket does not take of it, libwebsockets copies.
    private static let largestWrite = 256 << 10

    init(
        role: Role, pipe: LoopSocket, eventLoop: EventLoop, peer: String, limits: Limits, compression: AgreedCompression? = nil,
        logger: Logger
    ) {
        self.eventLoop = eventLoop
        self.limits = limits
        self.peer = peer
        self.logger = logger
        self.pipe = pipe
        var queue = OutboundQueue(role: role, random: .openSSL)
        _ = queue.machine.opened()
        reader = MessageReader(
            role: role, maximumMessageSize: limits.maximumMessageSize,
            inflater: compression?.parameters.makeInflater(role: role))
        compressor = compression.flatMap { MessageCompressor($0, role: role) }
        outbound = Outbound(queue: queue, pings: PendingPings(firstNumber: .random(in: 0 ... .max)))
    }

    // A `Mutex` that holds the state itself would refuse to let raw memory in and buffers out, which is what these are for.

    private func withOutbound<Value, Failure: Error>(
        _ body: (inout Outbound) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        var result: Result<Value, Failure>?
        outboundLock.withLock { _ in result = Result { () throws(Failure) in try body(&outbound) } }
        return try result!.get()
    }

    private func withInbound<Value>(_ body: (inout InboundQueue) -> Value) -> Value {
        var result: Value?
        inboundLock.withLock { _ in result = body(&inbound) }
        return result!
    }

    // MARK: - Sending, on any thread

    /// A frame of a message, as one sender adds them.
    enum Part {
        case whole
        /// A fragment by the sender that has begun a message with ``beginStream()``.
        case fragment(isLast: Bool)

        var endsMessage: Bool {
            if case .fragment(let isLast) = self { isLast } else { true }
        }
    }

    /// Adds one frame to the output, waiting while that is full.
    func send(_ opcode: Opcode, payload: some Collection<UInt8>, part: Part = .whole) async throws {
        while try !trySend(opcode, payload: payload, part: part) {
            try await waitForRoom(part)
        }
    }

    private func trySend(_ opcode: Opcode, payload: some Collection<UInt8>, part: Part) throws -> Bool {
        let isAccepted = try payload.withContiguousStorageIfAvailable { bytes in
            try unsafe trySend(opcode, bytes: UnsafeRawBufferPointer(bytes), part: part)
        }
        if let isAccepted { return isAccepted }
        return try unsafe Array(payload).withUnsafeBytes { bytes in try unsafe trySend(opcode, bytes: bytes, part: part) }
    }

    /// Returns false when the output is full, or belongs to another sender.
    private func trySend(_ opcode: Opcode, bytes: UnsafeRawBufferPointer, part: Part) throws -> Bool {
        if let compressor, compressor.compresses(byteCount: bytes.count, part) {
            return try compressor.withDeflater { deflater in
                try unsafe trySend(opcode, bytes: bytes, part: part, through: &deflater)
            }
        }
        let needsSchedule = try withOutbound { outbound -> Bool? in
            guard outbound.queue.machine.allowsSending else { throw Self.closedError(outbound.outcome) }
            guard canAppend(outbound, part) else { return nil }
            do throws(RandomSourceFailure) {
                try unsafe outbound.queue.append(opcode, payload: bytes, fin: part.endsMessage)
            } catch {
                throw Self.randomError(error)
            }
            return Self.markScheduled(&outbound.queue)
        }
        guard let needsSchedule else { return false }
        if needsSchedule { schedule() }
        return true
    }

    /// Compresses a frame and adds it. Other senders wait meanwhile, since the peer's context follows the order of frames; the
    /// loop does not.
    private func trySend(
        _ opcode: Opcode, bytes: UnsafeRawBufferPointer, part: Part, through deflater: inout Deflater
    ) throws -> Bool {
        // What was compressed has to be sent, so it is only compressed when there is room.
        let hasRoom = try withOutbound { outbound throws(WebSocketError) in
            guard outbound.queue.machine.allowsSending else { throw Self.closedError(outbound.outcome) }
            return canAppend(outbound, part)
        }
        guard hasRoom else { return false }
        let payload: UnsafeRawBufferPointer
        do {
            unsafe payload = try deflater.deflate(bytes, endsMessage: part.endsMessage)
        } catch {
            throw WebSocketError(.libraryUnsuitable, stage: .open, message: error.description)
        }
        let needsSchedule = try withOutbound { outbound throws(WebSocketError) in
            guard outbound.queue.machine.allowsSending else { throw Self.closedError(outbound.outcome) }
            do throws(RandomSourceFailure) {
                try unsafe outbound.queue.append(
                    opcode, payload: payload, fin: part.endsMessage, rsv1: opcode != .continuation,
                    uncompressedCount: bytes.count)
            } catch {
                deflater.reset()
                throw Self.randomError(error)
            }
            return Self.markScheduled(&outbound.queue)
        }
        if needsSchedule { schedule() }
        return true
    }

    private func canAppend(_ outbound: borrowing Outbound, _ part: Part) -> Bool {
        if case .whole = part, outbound.isStreaming { return false }
        return outbound.queue.byteCount < limits.sendBuffer
    }

    /// Waits until no other message is under way in fragments, and keeps others from starting.
    func beginStream() async throws {
        while true {
            let isMine = try withOutbound { outbound throws(WebSocketError) in
                guard outbound.queue.machine.allowsSending else { throw Self.closedError(outbound.outcome) }
                defer { outbound.isStreaming = true }
                return !outbound.isStreaming
            }
            if isMine { return }
            try await waitForRoom(.whole)
        }
    }

    /// Lets other messages through again.
    func endStream() {
        let waiters = withOutbound { outbound in
            outbound.isStreaming = false
            return outbound.takeWaiters()
        }
        for waiter in waiters { waiter.resume() }
    }

    private func waitForRoom(_ part: Part) async throws {
        let id = withOutbound { outbound in
            outbound.lastWaiter += 1
            return outbound.lastWaiter
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let result: Result<Void, any Error>? = withOutbound { outbound in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if !outbound.queue.machine.allowsSending || canAppend(outbound, part) { return .success(()) }
                    outbound.waiters[id] = continuation
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            withOutbound { $0.waiters.removeValue(forKey: id) }?.resume(throwing: CancellationError())
        }
    }

    /// Sends a ping and waits for its pong. Returns the time between the two.
    func ping() async throws -> Duration {
        let number = withOutbound { $0.pings.makeNumber() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                do {
                    let needsSchedule = try withOutbound { outbound in
                        if Task.isCancelled { throw CancellationError() }
                        guard outbound.queue.machine.allowsSending else { throw Self.closedError(outbound.outcome) }
                        try outbound.queue.appendPing(PendingPings.payload(number))
                        outbound.pings.add(number, at: .now, continuation)
                        return Self.markScheduled(&outbound.queue)
                    }
                    if needsSchedule { schedule() }
                } catch {
                    continuation.resume(throwing: (error as? RandomSourceFailure).map(Self.randomError) ?? error)
                }
            }
        } onCancel: {
            withOutbound { $0.pings.cancel(number) }?.resume(throwing: CancellationError())
        }
    }

    /// Closes the connection and waits until it is certain how it ended. Cancelling the task drops the connection.
    func close(_ frame: CloseFrame) async -> WebSocketClosure {
        beginClosing(frame)
        do {
            return try await closed()
        } catch {
            abort()
            // Dropping is certain to end it: nothing is waited for but the loop's next turn.
            return await Task { try? await closed() }.value ?? WebSocketClosure(initiator: .local, sent: nil, received: nil)
        }
    }

    /// Waits until it is certain how the connection ended.
    func closed() async throws -> WebSocketClosure {
        let id = withOutbound { outbound in
            outbound.lastWaiter += 1
            return outbound.lastWaiter
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<WebSocketClosure, any Error>? = withOutbound { outbound in
                    if let outcome = outbound.outcome { return .success(outcome.closure) }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    outbound.closeWaiters[id] = continuation
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            withOutbound { $0.closeWaiters.removeValue(forKey: id) }?.resume(throwing: CancellationError())
        }
    }

    /// Begins to close the connection without waiting.
    func beginClosing(_ frame: CloseFrame) {
        let needsSchedule = withOutbound { outbound in
            guard outbound.outcome == nil else { return false }
            Self.close(&outbound, frame)
            return Self.markScheduled(&outbound.queue)
        }
        if needsSchedule { schedule() }
    }

    private static func close(_ outbound: inout Outbound, _ frame: CloseFrame) {
        let action = outbound.queue.machine.close(frame)
        do {
            try outbound.queue.enqueue(action)
        } catch {
            // Without a masking key no frame can be sent: what is left is to drop the connection.
            _ = outbound.queue.machine.abort()
        }
    }

    /// Drops the connection at once.
    func abort() {
        // When the loop has ended, so has the connection.
        try? eventLoop.submit { _ in
            let action = self.withOutbound { $0.queue.machine.abort() }
            self.perform(action)
        }
    }

    /// How the connection ended; `nil` while that is open.
    var outcome: Outcome? {
        withOutbound { $0.outcome }
    }

    var statistics: WebSocketStatistics {
        var statistics = withInbound { inbound in
            WebSocketStatistics(
                messagesReceived: inbound.receivedMessageCount, bytesReceived: inbound.receivedByteCount,
                bytesWaitingToBeRead: inbound.byteCount)
        }
        withOutbound { outbound in
            statistics.messagesSent = outbound.queue.sentMessageCount
            statistics.networkBytesReceived = networkBytesReceived.load(ordering: .relaxed)
            statistics.bytesSent = outbound.queue.sentByteCount
            statistics.bytesWaitingToBeWritten = outbound.queue.byteCount
            statistics.messagesNeverWritten = outbound.outcome?.unsentMessageCount ?? 0
        }
        return statistics
    }

    /// Returns whether the loop has to be told, and notes that it is.
    private static func markScheduled(_ queue: inout OutboundQueue) -> Bool {
        defer { queue.isScheduled = true }
        return !queue.isScheduled
    }

    private func schedule() {
        // When the loop has ended, it has told everybody who waits.
        try? eventLoop.submit { core in self.service(core) }
    }

    private static func closedError(_ outcome: Outcome?) -> WebSocketError {
        WebSocketError(
            .connectionClosed, stage: .closing,
            message: """
                the connection is \(outcome.map { "closed (\($0.closure.code))" } ?? "closing"), so nothing more can be sent on it
                """,
            closure: outcome?.closure)
    }

    private static func randomError(_ failure: RandomSourceFailure) -> WebSocketError {
        WebSocketError(.libraryUnsuitable, stage: .open, message: failure.description)
    }

    // MARK: - Receiving, on any thread

    /// The messages that have arrived since the last call; waits for some. `nil` after an orderly end.
    func nextBatch() async throws -> [WebSocketMessage]? {
        switch withInbound({ $0.take() }) {
        case .messages(let batch, let resumesReading):
            if resumesReading { resumeReading() }
            return batch
        case .end(let error):
            if let error { throw error }
            return nil
        case .nothing: return try await waitForBatch()
        }
    }

    private func waitForBatch() async throws -> [WebSocketMessage]? {
        let id = withInbound { $0.makeReaderID() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                // Messages may have come since the look without a continuation.
                let taken: InboundQueue.Taken? = withInbound { inbound in
                    let taken = inbound.take()
                    guard case .nothing = taken else { return taken }
                    if Task.isCancelled { return .end(CancellationError()) }
                    guard inbound.wait(continuation, id: id) else { return .end(Self.secondReaderError) }
                    return nil
                }
                switch taken {
                case nil, .nothing: break
                case .messages(let batch, let resumesReading):
                    if resumesReading { resumeReading() }
                    continuation.resume(returning: batch)
                case .end(let error):
                    if let error { continuation.resume(throwing: error) } else { continuation.resume(returning: nil) }
                }
            }
        } onCancel: {
            withInbound { $0.cancelReader(id: id) }?.resume(throwing: CancellationError())
        }
    }

    /// Returns messages that a reader took and did not use.
    func putBack(_ messages: [WebSocketMessage]) {
        withInbound { $0.putBack(messages) }
    }

    private func resumeReading() {
        try? eventLoop.submit { _ in self.pipe?.setReading(true) }
    }

    private static let secondReaderError = WebSocketError(
        .invalidConfiguration, stage: .open,
        message: "two tasks wait for the messages of one connection; let one task read and hand messages on")

    // MARK: - The loop's turns

    /// Something was added to the output, or the state has changed.
    private func service(_ core: LoopCore) {
        let (state, hasWork) = withOutbound { outbound in
            outbound.queue.isScheduled = false
            return (outbound.queue.machine.state, !outbound.queue.isEmpty || outbound.queue.endsWhenEmpty)
        }
        guard let pipe else { return }
        switch state {
        case .closing where closeDeadline == nil:
            closeDeadline = core.schedule(after: limits.closeTimeout) { [weak self] in
                guard let self else { return }
                perform(withOutbound { $0.queue.machine.closeDeadlinePassed() })
            }
        case .closed(let closure, _) where outcome == nil: perform(.abort(closure))
        default: break
        }
        if hasWork || segment != nil { pipe.requestWrite() }
    }

    func pipeIsWritable() -> Bool {
        guard let pipe else { return false }
        // libwebsockets reports `writable` only when it holds nothing back, and must get nothing more once it does.
        while !pipe.hasBufferedOutput {
            if segment == nil {
                let finished = withOutbound { outbound in
                    segment = outbound.queue.takeSegment()
                    return segment == nil && outbound.queue.endsWhenEmpty
                }
                segmentOffset = 0
                if finished { return false }
            }
            guard let frames = segment?.frames else { break }
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: frames.bytes[segmentOffset...])
            let piece = unsafe UnsafeMutableRawBufferPointer(rebasing: rest.prefix(Self.largestWrite))
            guard unsafe pipe.write(piece) else { return false }
            segmentOffset += piece.count
            if segmentOffset == frames.count {
                segment = nil
                withOutbound { $0.queue.recycle(frames) }
            }
        }
        let waiters = withOutbound { outbound -> [CheckedContinuation<Void, any Error>] in
            // Half empty: fewer and longer runs of the senders than resuming them at the first free byte.
            guard !outbound.waiters.isEmpty, outbound.queue.byteCount <= limits.sendBuffer / 2 else { return [] }
            return outbound.takeWaiters()
        }
        for waiter in waiters { waiter.resume() }
        if pipe.hasBufferedOutput { pipe.requestWrite() }
        return true
    }

    func pipeDidReceive(_ bytes: UnsafeMutableRawBufferPointer) -> Bool {
        // What comes after the connection was dropped, or after the peer's last frame, is nobody's.
        guard !reader.hasEnded, outcome == nil else { return true }
        networkBytesReceived.wrappingAdd(UInt64(bytes.count), ordering: .relaxed)
        unsafe reader.read(bytes, into: &turn)
        defer { turn.removeAll() }
        deliverMessages()
        if !turn.pings.isEmpty { answerPings() }
        for pong in turn.pongs { receivePong(pong) }
        switch turn.end {
        case .close(let frame):
            logger.debug("received a close frame", metadata: ["code": "\(frame.code?.rawValue ?? 1005)"])
            advance { $0.received(frame) }
        case .violation(let violation):
            advance { $0.violated(violation) }
        case nil: break
        }
        return true
    }

    func pipeDidEnd(_ end: TransportEnd) {
        transportError = Self.lossError(end, peer: peer)
        var machineEnd = ConnectionStateMachine.TransportEnd.failure
        if case .endOfStream = end.cause { machineEnd = .endOfStream }
        advance { $0.transportEnded(machineEnd) }
        if let closeDeadline { pipe?.core.cancel(closeDeadline) }
        pipe = nil
    }

    private func deliverMessages() {
        guard !turn.messages.isEmpty else { return }
        let byteCount = turn.messageByteCount
        let delivery = withInbound {
            $0.add(&turn.messages, byteCount: byteCount, limit: limits.receiveBuffer)
        }
        delivery.reader?.resume(returning: delivery.batch)
        if delivery.pausesReading { pipe?.setReading(false) }
    }

    private func answerPings() {
        let hasOutput = withOutbound { outbound in
            // After a close frame nothing more is sent (RFC 6455 section 5.5.1).
            guard outbound.queue.machine.allowsSending else { return false }
            for ping in turn.pings {
                do {
                    try outbound.queue.appendPong(ping)
                } catch {
                    logger.error("a ping could not be answered", metadata: ["error": "\(error)"])
                }
            }
            return true
        }
        if hasOutput { pipe?.requestWrite() }
    }

    private func receivePong(_ payload: ArraySlice<UInt8>) {
        let now = ContinuousClock.now
        for ping in withOutbound({ $0.pings.answered(by: payload) }) {
            ping.waiter.resume(returning: ping.sentAt.duration(to: now))
        }
    }

    /// Feeds an event to the state machine and carries out what it asks for.
    private func advance(_ event: (inout ConnectionStateMachine) -> ConnectionStateMachine.Action) {
        let action = withOutbound { outbound in
            let action = event(&outbound.queue.machine)
            do {
                try outbound.queue.enqueue(action)
            } catch {
                return outbound.queue.machine.abort()
            }
            return action
        }
        perform(action)
    }

    private func perform(_ action: ConnectionStateMachine.Action) {
        switch action {
        case .ignore, .open: break
        case .sendClose, .sendCloseThenEnd, .endTransport, .waitForPeer:
            if let core = pipe?.core { service(core) }
        case .finish: return publishOutcome(discardingOutput: true)
        case .abort:
            pipe?.abort()
            return publishOutcome(discardingOutput: true)
        }
        publishOutcome(discardingOutput: false)
    }

    // MARK: - The end

    /// Tells everybody who waits, as soon as it is certain how the connection ends: TCP's end may take longer.
    ///
    /// - Parameter discardingOutput: When the transport has ended, and what waits to be written is only counted.
    private func publishOutcome(discardingOutput: Bool) {
        let transportError = self.transportError
        let peer = self.peer
        let ended = withOutbound { outbound -> (Outcome, Leftovers)? in
            defer { if discardingOutput { outbound.queue.discard() } }
            guard outbound.outcome == nil, let end = outbound.queue.machine.end else { return nil }
            let error = Self.error(for: end, transportError: transportError, peer: peer)
            // A peer that has sent its close frame reads nothing more: what still waits will not be received.
            let unsent = (segment?.messageCount ?? 0) + outbound.queue.unsentMessageCount
            let outcome = Outcome(closure: end.closure, error: error, unsentMessageCount: unsent)
            outbound.outcome = outcome
            defer { outbound.closeWaiters = [:] }
            return (
                outcome,
                Leftovers(
                    senders: outbound.takeWaiters(), closers: Array(outbound.closeWaiters.values),
                    pings: outbound.pings.removeAll())
            )
        }
        guard let (outcome, leftovers) = ended else { return }
        logger.debug("connection closed", metadata: ["closure": "\(outcome.closure.code)", "peer": "\(peer)"])
        let error = outcome.error ?? Self.closedError(outcome)
        for sender in leftovers.senders { sender.resume(throwing: error) }
        for ping in leftovers.pings { ping.resume(throwing: error) }
        for closer in leftovers.closers { closer.resume(returning: outcome.closure) }
        let reader = withInbound { $0.end(outcome.error) }
        if let error = outcome.error { reader?.resume(throwing: error) } else { reader?.resume(returning: nil) }
    }

    private struct Leftovers {
        var senders: [CheckedContinuation<Void, any Error>]
        var closers: [CheckedContinuation<WebSocketClosure, any Error>]
        var pings: [PendingPings.Waiter]
    }

    private static func error(
        for end: (closure: WebSocketClosure, cause: ConnectionStateMachine.Cause), transportError: WebSocketError?, peer: String
    ) -> WebSocketError? {
        switch end.cause {
        case .closeHandshake, .abort: nil
        // This side closed; that the peer did not answer shows in the closure.
        case .closeDeadline: nil
        case .refusal(let frame):
            WebSocketError(
                .connectionClosed, stage: .open, message: "the connection to \(peer) was closed by this side: \(frame.reason)",
                closure: end.closure)
        case .violation(let violation):
            WebSocketError(
                violation.closeCode == .messageTooBig ? .messageTooBig : .protocolViolation, stage: .open,
                message: "\(violation.description) The connection to \(peer) was closed with \(violation.closeCode).",
                closure: end.closure)
        case .transportEnded:
            // After our close frame, its end is what was asked for.
            end.closure.sent != nil
                ? nil
                : WebSocketError(
                    transportError?.code ?? .connectionLost, stage: .open,
                    message: transportError?.message ?? "the connection to \(peer) was lost",
                    closure: end.closure, errno: transportError?.errno)
        }
    }

    private static func lossError(_ end: TransportEnd, peer: String) -> WebSocketError {
        var code = WebSocketError.Code.connectionLost
        if case .loopShutDown = end.cause { code = .eventLoopShutDown }
        return WebSocketError(
            code, stage: .open, message: "the connection to \(peer) was lost: \(end.cause)", errno: end.cause.errno)
    }
}
