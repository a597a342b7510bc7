internal import WebSocketProtocol

// Called on any thread.
extension Connection {
    /// A frame of a message, as one sender adds them.
    enum Part {
        case whole
        /// A fragment by the sender that has begun a message with ``beginStream()``.
        case fragment(isLast: Bool)

        var endsMessage: Bool {
            if case .fragment(let isLast) = self { isLast } else { true }
        }

        func request(byteCount: Int) -> Admission.Request {
            if case .whole = self { .message(byteCount: byteCount) } else { .fragment(byteCount: byteCount) }
        }
    }

    typealias Sender = Waiter<Void>
    typealias Admission = SendAdmission<Sender>

    /// Adds one frame to the output, waiting while that is full.
    @inline(__always)
    func send(_ opcode: Opcode, payload: some Collection<UInt8>, part: Part = .whole) async throws {
        if try trySend(opcode, payload: payload, part: part) { return }
        try await waitAndSend(opcode, payload: payload, part: part)
    }

    private func waitAndSend(_ opcode: Opcode, payload: some Collection<UInt8>, part: Part = .whole) async throws {
        let request = part.request(byteCount: payload.count)
        try await waitForAdmission(request)
        defer {
            let next = withOutbound { outbound in
                outbound.admission.release(request)
                return outbound.admit()
            }
            resume(next)
        }
        _ = try trySend(opcode, payload: payload, part: part, isAdmitted: true)
    }

    /// Adds one frame to the output.
    /// - Parameter isAdmitted: This sender has waited, and is admitted.
    /// - Returns: False when the output is full or belongs to another sender: never for one that was admitted.
    func trySend(
        _ opcode: Opcode, payload: some Collection<UInt8>, part: Part = .whole, isAdmitted: Bool = false
    ) throws -> Bool {
        let isAccepted = try payload.withContiguousStorageIfAvailable { bytes in
            try unsafe trySend(opcode, bytes: UnsafeRawBufferPointer(bytes), part: part, isAdmitted: isAdmitted)
        }
        if let isAccepted { return isAccepted }
        return try unsafe Array(payload).withUnsafeBytes { bytes in
            try unsafe trySend(opcode, bytes: bytes, part: part, isAdmitted: isAdmitted)
        }
    }

    private func trySend(
        _ opcode: Opcode, bytes: UnsafeRawBufferPointer, part: Part, isAdmitted: Bool
    ) throws -> Bool {
        if let compressor, compressor.compresses(byteCount: bytes.count, part) {
            let isAccepted = try compressor.withDeflater { deflater in
                try unsafe trySend(opcode, bytes: bytes, part: part, isAdmitted: isAdmitted, through: &deflater)
            }
            if let isAccepted { return isAccepted }
        }
        let request = part.request(byteCount: bytes.count)
        let addition = withOutbound { outbound -> Addition in
            guard outbound.queue.allowsSending else { return .closed }
            guard
                isAdmitted || outbound.admission.admitsAtOnce(request, queued: outbound.queue.waitingByteCount)
            else { return .refused }
            do throws(RandomSourceFailure) {
                try unsafe outbound.queue.append(opcode, payload: bytes, fin: part.endsMessage)
            } catch {
                return .failed(error)
            }
            return Self.claimWakeUp(&outbound.queue) ? .first : .behindOthers
        }
        switch addition {
        case .behindOthers: return true
        case .first: wakeLoop()
        case .refused: return false
        case .closed: throw Self.closedError(ending)
        case .failed(let failure): throw Self.randomError(failure)
        }
        return true
    }

    /// The result for a frame that was to be added.
    private enum Addition {
        case behindOthers
        /// The loop has to be told.
        case first
        case refused
        case closed
        case failed(RandomSourceFailure)
    }

    /// Compresses a frame and adds it. Other senders wait meanwhile, since the peer's context follows the order of
    /// frames; the loop does not.
    private func trySend(
        _ opcode: Opcode, bytes: UnsafeRawBufferPointer, part: Part, isAdmitted: Bool,
        through deflater: inout Deflater
    ) throws -> Bool {
        // A compressed message has to be sent, so compress only when there is room.
        let hasRoom = try withOutbound { outbound throws(WebSocketError) in
            guard outbound.queue.allowsSending else { throw Self.closedError(outbound.ending) }
            return isAdmitted || canAppend(outbound, part, bytes.count)
        }
        guard hasRoom else { return false }
        let payload: UnsafeRawBufferPointer
        do {
            unsafe payload = try deflater.deflate(bytes, endsMessage: part.endsMessage)
        } catch {
            throw WebSocketError(.internalError, stage: .open, message: error.description)
        }
        let needsWakeUp = try withOutbound { outbound throws(WebSocketError) in
            guard outbound.queue.allowsSending else { throw Self.closedError(outbound.ending) }
            do throws(RandomSourceFailure) {
                try unsafe outbound.queue.append(
                    opcode, payload: payload, fin: part.endsMessage, rsv1: opcode != .continuation,
                    uncompressedCount: bytes.count)
            } catch {
                deflater.reset()
                throw Self.randomError(error)
            }
            return Self.claimWakeUp(&outbound.queue)
        }
        if needsWakeUp { wakeLoop() }
        return true
    }

    func resume(_ waiters: [Sender]) {
        for waiter in waiters { waiter.resume() }
    }

    private func canAppend(_ outbound: borrowing Outbound, _ part: Part, _ byteCount: Int) -> Bool {
        outbound.admission.admitsAtOnce(part.request(byteCount: byteCount), queued: outbound.queue.waitingByteCount)
    }

    /// Waits until no other message is under way in fragments, and keeps others from starting.
    func beginStream() async throws {
        try await waitForAdmission(.stream)
    }

    /// Lets other messages through again.
    func endStream() {
        resume(
            withOutbound { outbound in
                outbound.admission.endStream()
                return outbound.admit()
            })
    }

    /// The connection on which this task sends a message in pieces.
    @TaskLocal private static var streaming: ObjectIdentifier?

    /// Runs the closure that writes the pieces of a message. Other messages that it sends are refused, because they would
    /// wait for its own end.
    func whileStreaming<Result>(_ body: () async throws -> Result) async rethrows -> Result {
        try await Self.$streaming.withValue(ObjectIdentifier(self), operation: body)
    }

    private func refuseToWaitForItself(_ request: Admission.Request) throws(WebSocketError) {
        if case .fragment = request { return }
        guard Self.streaming == ObjectIdentifier(self), withOutbound({ $0.admission.isStreaming }) else { return }
        throw WebSocketError(
            .messageUnderWay, stage: .open,
            message: """
                this task is sending a message in pieces over the same connection, and no other may come between them \
                (RFC 6455 section 5.4): send it when that one is complete
                """)
    }

    /// Returns when the request is admitted, which has to be released then.
    private func waitForAdmission(_ request: Admission.Request) async throws {
        try refuseToWaitForItself(request)
        let id = withOutbound { $0.admission.makeID() }
        try await withTaskCancellationHandler {
            try await Sender.wait { waiter in
                let result: Result<Void, any Error>? = withOutbound { outbound in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    guard outbound.queue.allowsSending else {
                        return .failure(Self.closedError(outbound.ending))
                    }
                    if outbound.admission.admitNow(request, queued: outbound.queue.waitingByteCount) {
                        return .success(())
                    }
                    outbound.admission.wait(request, id: id, waiter)
                    return nil
                }
                if let result { waiter.resume(with: result) }
            }
        } onCancel: {
            let (cancelled, next) = withOutbound { outbound in
                (outbound.admission.cancel(id), outbound.admit())
            }
            cancelled?.resume(throwing: CancellationError())
            resume(next)
        }
    }

    /// Sends a ping and waits for its pong. Returns the time between the two.
    func ping() async throws -> Duration {
        let number = withOutbound { $0.pings.makeNumber() }
        return try await withTaskCancellationHandler {
            try await Waiter<Duration>.wait { waiter in
                do {
                    let needsWakeUp = try withOutbound { outbound in
                        if Task.isCancelled { throw CancellationError() }
                        guard outbound.queue.allowsSending else { throw Self.closedError(outbound.ending) }
                        try outbound.queue.appendPing(PendingPings.payload(number))
                        outbound.pings.add(number, at: .now, waiter)
                        return Self.claimWakeUp(&outbound.queue)
                    }
                    if needsWakeUp { wakeLoop() }
                } catch {
                    waiter.resume(throwing: (error as? RandomSourceFailure).map(Self.randomError) ?? error)
                }
            }
        } onCancel: {
            withOutbound { $0.pings.cancel(number) }?.resume(throwing: CancellationError())
        }
    }

    /// As ``ping(timeout:)``, for no longer than this.
    func ping(timeout: Duration) async throws -> Duration {
        try await withThrowingTaskGroup(of: Duration?.self) { group in
            group.addTask { try await self.ping() }
            group.addTask {
                try await Task.sleep(for: timeout.bounded)
                return nil
            }
            defer { group.cancelAll() }
            if let roundTrip = try await group.next() ?? nil { return roundTrip }
            throw WebSocketError(
                .timedOut, stage: .open, message: "\(peer) did not answer a ping within \(timeout)")
        }
    }
}
