internal import WebSocketProtocol
internal import LibC

extension BytePipe {
    /// Records are gathered up to this size before they are sent.
    private static let largestGathering = 256 << 10

    func write(_ bytes: UnsafeRawBufferPointer) -> Int? {
        core.preconditionOnLoop()
        guard state == .open, writeError == nil else { return nil }
        if isBlocked || awaitsRecords { return 0 }
        guard let tls else { return unsafe sendPlain(bytes) }
        guard let count = unsafe tls.write(bytes) else {
            writeError = EPIPE
            return nil
        }
        if count < bytes.count { awaitsRecords = true }
        if core.encryptedOutput.count >= Self.largestGathering { sendRecords() }
        return count
    }

    var hasUnsent: Bool { unsent != nil }

    func flush() -> Bool {
        sendRecords()
        return unsent == nil && writeError == nil
    }

    /// Sends what waits, then lets the consumer write.
    func write() {
        defer { if isBlocked { consumer?.pipeIsBlocked() } }
        guard !isBlocked, sendUnsent(), tls?.isEstablished ?? true else { return }
        if wantsToWrite, !endsWhenSent, !awaitsRecords, let consumer {
            wantsToWrite = false
            if !consumer.pipeIsWritable() {
                endsWhenSent = true
                tls?.shutDown()
            }
            sendRecords()
            if wantsToWrite, !isBlocked, !awaitsRecords { serviceAfterTurn() }
        }
        if endsWhenSent, !isBlocked, writeError == nil, state == .open { endSending() }
    }

    private func sendPlain(_ bytes: UnsafeRawBufferPointer) -> Int? {
        switch unsafe SocketIO.send(bytes, to: socket) {
        case .moved(let count):
            if count < bytes.count { block() }
            return count
        case .wouldBlock:
            block()
            return 0
        case .endOfStream: return nil
        case .failed(let number):
            writeError = number
            return nil
        }
    }

    /// Sends the records that TLS has made, and keeps what the system does not take.
    func sendRecords() {
        let records = core.encryptedOutput
        guard !records.isEmpty else { return }
        defer { records.removeAll() }
        guard writeError == nil else { return }
        var sent = 0
        if !isBlocked, unsent == nil {
            guard let count = unsafe sendPlain(UnsafeRawBufferPointer(records.bytes)) else { return }
            sent = count
        }
        guard sent < records.count else {
            waitingAnswers = 0
            return
        }
        let rest = unsent ?? FrameBuffer(minimumCapacity: records.count - sent)
        unsafe rest.append(contentsOf: UnsafeRawBufferPointer(rebasing: records.bytes[sent...]))
        unsent = rest
    }

    /// Returns whether nothing waits any more.
    private func sendUnsent() -> Bool {
        guard let rest = unsent else { return true }
        guard let count = unsafe sendPlain(UnsafeRawBufferPointer(rebasing: rest.bytes[unsentOffset...])) else {
            return false
        }
        unsentOffset += count
        if count > 0 { consumer?.pipeDidSend(count) }
        guard unsentOffset == rest.count else { return false }
        unsent = nil
        unsentOffset = 0
        waitingAnswers = 0
        return true
    }

    private func block() {
        isBlocked = true
        pollForOutput()
    }
}
