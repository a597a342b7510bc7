internal import WebSocketProtocol
internal import LibC

extension BytePipe {
    /// The number of records without data that are looked at in a turn: the peer may send nothing else (KeyUpdate,
    /// tickets).
    private static let emptyRecordsPerTurn = 64
    /// Answers of TLS that may wait for a peer that does not read them: those to 600 KeyUpdates or so, where a peer needs
    /// one for 24 million records (RFC 8446 section 5.5). Not reading it any more would not do: it may wait for ever.
    private static let mostWaitingAnswers = 16 << 10

    /// Takes the TLS handshake as far as the records go that have arrived. Returns whether it came any further.
    @discardableResult
    func shakeHands() -> Bool {
        guard let tls else { return false }
        let fed = feed(tls)
        let progress = tls.shakeHands()
        tls.keepInput()
        // The alert that tells the peer why it failed is among them.
        sendRecords()
        switch progress {
        case .made: consumer?.pipeDidSecure(tls)
        case .needsInput:
            if let peerEnd {
                finish(peerEnd)
            } else if !isPolled, isReadable {
                // Nobody else tells that there is more to read, the end at least.
                serviceAfterTurn()
            }
        case .closed: finish(.endOfStream)
        case .failed(let words): finish(.tls(words))
        }
        return fed > 0
    }

    /// The number of times that a pipe reads in a turn, before others have theirs.
    private static let readsPerTurn = 2

    /// Reads and hands over what there is. Bytes that were not used come first.
    func read() {
        guard isReading, tls?.isEstablished ?? true else { return }
        if unused != nil {
            offerUnused()
        } else {
            var reads = 0
            while reads < Self.readsPerTurn, isReading, unused == nil, readOnce() { reads += 1 }
            tls?.keepInput()
        }
        guard state == .open else { return }
        if let peerEnd, tls?.hasInput != true {
            // The peer may wait for the answer to what it said last.
            write()
            return finish(peerEnd)
        }
        guard isReading else { return }
        if unused != nil || tls?.hasInput == true || (!isPolled && isReadable) { serviceAfterTurn() }
    }

    /// Returns whether there may be more, and the pipe is still open.
    private func readOnce() -> Bool {
        guard peerEnd == nil || tls?.hasInput == true else { return false }
        if let count = unsafe consumer?.pipeReads({ place in unsafe read(into: place) }) {
            return count > 0 && state == .open
        }
        let count = unsafe read(into: core.scratch)
        guard count > 0 else { return false }
        unsafe offer(UnsafeMutableRawBufferPointer(rebasing: core.scratch[..<count]))
        return state == .open
    }

    private func read(into place: UnsafeMutableRawBufferPointer) -> Int {
        if let tls { return unsafe readRecords(tls, into: place) }
        guard isReadable else { return 0 }
        return unsafe receive(into: place)
    }

    /// Reads the peer's words from before, in turns, as others have theirs. Nothing can be sent any more, or the consumer
    /// wants nothing for now of what is left of a pipe that is gone.
    func readRemainingInput() {
        readsRemainingInput = true
        guard readMore() else { return finish(endOfRemainingInput) }
        serviceAfterTurn()
    }

    /// Reads once. Returns whether there may be more.
    private func readMore() -> Bool {
        guard peerEnd == nil || tls?.hasInput == true, lateByteCount < Self.mostLateBytes else { return false }
        isReadable = true
        if let tls, !tls.isEstablished { return shakeHands() }
        // The end is where the socket has nothing more: records may come to nothing, or be there in part only.
        let hadRecords = tls?.isHungry == false
        receivedCount = 0
        let count = unsafe read(into: core.scratch)
        tls?.keepInput()
        lateByteCount += max(count, receivedCount)
        guard count > 0 else { return hadRecords || receivedCount > 0 || tls?.hasInput == true }
        let bytes = unsafe UnsafeMutableRawBufferPointer(rebasing: core.scratch[..<count])
        if let unused {
            unsafe unused.append(contentsOf: UnsafeRawBufferPointer(bytes))
        } else {
            unsafe offer(bytes)
            consumer?.pipeDidRead()
        }
        return true
    }

    private var endOfRemainingInput: PipeEnd.Cause {
        // The result of reading is nearer to the cause. But the system tells of a reset only once, perhaps to a write.
        if case .endOfStream? = peerEnd, writeError != nil, tls?.isEstablished ?? true {
            return .systemError(ECONNRESET)
        }
        // A write error says nothing of the reason: it is always the peer's doing.
        if let cause = peerEnd ?? writeError.map({ .systemError($0 == EPIPE ? ECONNRESET : $0) }) { return cause }
        // Given up in the middle of what the peer said.
        return lateByteCount < Self.mostLateBytes ? .endOfStream : .systemError(ECONNRESET)
    }

    /// More than the system's buffers hold, as a rule. A peer may go on sending where it was TLS that failed.
    private static let mostLateBytes = 8 << 20

    // MARK: - From the network

    private func readRecords(_ tls: TLSStream, into place: UnsafeMutableRawBufferPointer) -> Int {
        feed(tls)
        var count = 0
        var emptyRecords = 0
        reading: while count < place.count {
            switch unsafe tls.read(UnsafeMutableRawBufferPointer(rebasing: place[count...])) {
            case .made(let added): count += added
            case .needsInput:
                guard !tls.isHungry, emptyRecords < Self.emptyRecordsPerTurn else { break reading }
                emptyRecords += 1
            case .closed:
                peerEnd = .endOfStream
                break reading
            case .failed(let words):
                peerEnd = .tls(words)
                break reading
            }
        }
        waitingAnswers += core.encryptedOutput.count
        sendRecords()
        if waitingAnswers > Self.mostWaitingAnswers {
            peerEnd = .tls("the peer does not read what TLS answers to it (KeyUpdate, renegotiation)")
            tls.discardInput()
        }
        return count
    }

    @discardableResult
    private func feed(_ tls: TLSStream) -> Int {
        guard tls.isHungry, isReadable, peerEnd == nil else { return 0 }
        let count = unsafe receive(into: core.encryptedScratch)
        unsafe tls.feed(UnsafeRawBufferPointer(rebasing: core.encryptedScratch[..<count]))
        if count > 0 { awaitsRecords = false }
        return count
    }

    /// Nobody wants to read now, but writing waits for the rest of a message of the peer's handshake, which OpenSSL looks at
    /// when it writes.
    func feedWriting() {
        guard let tls, feed(tls) > 0 else { return }
        tls.keepInput()
    }

    private func receive(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        switch unsafe SocketIO.receive(from: socket, into: buffer) {
        case .moved(let count):
            receivedCount = count
            // A read that leaves room has emptied the socket. Polling says whether that was the end.
            if count < buffer.count, isPolled { isReadable = false }
            return count
        case .wouldBlock: isReadable = false
        case .endOfStream: peerEnd = .endOfStream
        case .failed(let number): peerEnd = .systemError(number)
        }
        return 0
    }

    // MARK: - To the consumer

    private func offer(_ bytes: UnsafeMutableRawBufferPointer) {
        let used = unsafe consume(bytes)
        guard state == .open, used < bytes.count else { return }
        let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[used...])
        let kept = FrameBuffer(minimumCapacity: rest.count)
        unsafe kept.append(contentsOf: rest)
        unused = kept
        unusedOffset = 0
    }

    private func offerUnused() {
        guard let kept = unused else { return }
        unusedOffset += unsafe consume(UnsafeMutableRawBufferPointer(rebasing: kept.bytes[unusedOffset...]))
        if unusedOffset == kept.count { unused = nil }
    }

    /// Returns how many bytes were used. A consumer may hand the pipe over to another one, or begin TLS, in between.
    private func consume(_ bytes: UnsafeMutableRawBufferPointer) -> Int {
        var used = 0
        while used < bytes.count, let consumer {
            let isPlain = tls == nil
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[used...])
            guard let count = unsafe consumer.pipeDidReceive(rest) else {
                finish(.endOfStream)
                return bytes.count
            }
            used += count
            if isPlain, let tls {
                unsafe tls.feed(UnsafeRawBufferPointer(rebasing: bytes[used...]))
                tls.keepInput()
                return bytes.count
            }
            guard self.consumer !== consumer else { break }
        }
        return used
    }
}
