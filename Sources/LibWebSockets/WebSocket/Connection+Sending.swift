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
    }

    /// Adds one frame to the output, waiting while that is full.
    func send(_ opcode: Opcode, payload: some Collection<UInt8>, part: Part = .whole) async throws {
        while try !trySend(opcode, payload: payload, part: part) {
            try await waitForRoom(part)
        }
    }

    /// Adds one frame to the output. Returns false when that is full, or belongs to another sender.
    func trySend(_ opcode: Opcode, payload: some Collection<UInt8>, part: Part = .whole) throws -> Bool {
        let isAccepted = try payload.withContiguousStorageIfAvailable { bytes in
            try unsafe trySend(opcode, bytes: UnsafeRawBufferPointer(bytes), part: part)
        }
        if let isAccepted { return isAccepted }
        return try unsafe Array(payload).withUnsafeBytes { bytes in try unsafe trySend(opcode, bytes: bytes, part: part)
        }
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

    /// Compresses a frame and adds it. Other senders wait meanwhile, since the peer's context follows the order of
    /// frames; the loop does not.
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
            throw WebSocketError(.internalError, stage: .open, message: error.description)
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
}
