internal import WebSocketProtocol
internal import LibC

/// A connected socket, of a client or a server, plain or with TLS: bytes in, bytes out, one end.
///
/// libwebsockets polls the descriptor and owns it; `recv(2)`, `send(2)` and TLS are ours. Everything happens in
/// ``service()``, once in a turn of the loop: what was read, twice at the most, goes to the consumer, and what it writes
/// meanwhile leaves together.
///
/// libwebsockets closes a descriptor as soon as it hangs up, whatever lies in it, for which it was not asked to look. So
/// a pipe whose descriptor goes before its bytes have been used reads on from a duplicate.
@safe final class BytePipe: LoopSocket, Pipe {
    enum State {
        case open
        /// Our side has ended. The peer's is waited for, for a moment: closing a socket that has something to read makes
        /// the system reset the connection, and then what we sent last may never be seen.
        case lingering
        case ended
    }

    private(set) var state = State.open
    /// The user of the bytes; `nil` once the pipe has ended.
    var consumer: (any PipeConsumer)?
    /// Called once, when the pipe has ended for good: later than for the consumer where it lingers.
    var didEnd: (() -> Void)?
    var tls: TLSStream?
    /// libwebsockets', or our duplicate of it; -1 when there is neither.
    private(set) var socket: CInt
    private var ownsSocket = false
    private var isAborted = false
    private var isInService = false
    private var isPolledForInput = true
    private var lingerDeadline: LoopTimers.ID?
    private var resetWatch: LoopTimers.ID?

    // Reading.
    /// The system has said that there is something to read, and reading has not found the end of it.
    var isReadable = false
    private(set) var isReading = true
    /// Bytes that the consumer has not used yet, from the offset on.
    var unused: FrameBuffer?
    var unusedOffset = 0
    /// The end of the peer's side; told when the bytes in front of it have been used.
    var peerEnd: PipeEnd.Cause?

    // Writing.
    var wantsToWrite = false
    /// The system takes no more for now.
    var isBlocked = false
    /// TLS writes nothing before the rest of a message of the peer's handshake has arrived.
    var awaitsRecords = false
    /// Records of TLS that the system did not take, from the offset on. Plain bytes stay with the consumer.
    var unsent: FrameBuffer?
    var unsentOffset = 0
    /// The part of the waiting output that answers the peer's records in TLS.
    var waitingAnswers = 0
    var writeError: Int32?
    var endsWhenSent = false
    /// Nothing is left to do but to read what the peer has said.
    var readsRemainingInput = false
    /// The number of bytes read since nothing can be sent any more.
    var lateByteCount = 0
    /// The number of bytes that the last look at the socket has brought.
    var receivedCount = 0

    private init(core: LoopCore, socket: CInt, consumer: any PipeConsumer) {
        self.socket = socket
        self.consumer = consumer
        super.init(core: core)
    }

    /// Takes over a connected socket: closing it is no longer the caller's, however this ends.
    static func make(
        _ socket: CInt, core: LoopCore, consumer: any PipeConsumer
    ) throws(WebSocketError) -> BytePipe {
        let pipe = BytePipe(core: core, socket: socket, consumer: consumer)
        guard try core.adopt(socket, as: pipe) else {
            pipe.state = .ended
            pipe.consumer = nil
            throw WebSocketError(
                .libraryUnsuitable, stage: .connect,
                message: """
                    libwebsockets cannot poll descriptor \(socket): was the limit on open files (`ulimit -n`) raised after \
                    its socket loop had started?
                    """)
        }
        return pipe
    }

    // MARK: - Events

    override func handle(_ event: LoopSocketEvent) -> Bool {
        switch event {
        case .readable:
            isReadable = true
            serviceAfterTurn()
        case .writable:
            isBlocked = false
            serviceAfterTurn()
        case .closed: descriptorCloses()
        case .connected, .failed: break
        }
        return true
    }

    override func service() {
        if isAborted { finish(.endOfStream) }
        switch state {
        case .ended: return
        case .lingering: discardInput()
        case .open:
            isInService = true
            if tls?.isEstablished == false { shakeHands() }
            if state == .open { read() }
            consumer?.pipeDidRead()
            if state == .open, awaitsRecords, !isReading { feedWriting() }
            if state == .open { write() }
            isInService = false
            if isAborted { finish(.endOfStream) }
            if state == .open, readsRemainingInput || writeError != nil || (!isPolled && !isReading) {
                readRemainingInput()
            }
            updatePolling()
        }
    }

    /// libwebsockets has seen a hang-up, or does what it was told to.
    private func descriptorCloses() {
        // Nothing may be asked of libwebsockets for this descriptor any more.
        unsafe wsi = nil
        // 4.3.5 tells of a hang-up twice.
        guard !ownsSocket else { return }
        guard state == .open else {
            finish(.endOfStream)
            socket = -1
            return
        }
        let copy = fcntl(socket, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else {
            writeError = errno
            // Once libwebsockets has closed the descriptor, what lies in it is lost.
            while state == .open { readRemainingInput() }
            socket = -1
            return
        }
        socket = copy
        ownsSocket = true
        isReadable = true
        core.keepForsaken(self)
        serviceAfterTurn()
    }

    var unacknowledgedByteCount: Int { SocketIO.unacknowledgedByteCount(socket) ?? 0 }

    override var isCostly: Bool { tls?.isEstablished == false }

    /// libwebsockets says when there is something to read.
    var isPolled: Bool { !ownsSocket }

    override func loopEnds() {
        finish(.loopShutDown)
    }

    // MARK: - What a consumer does with its pipe

    /// Begins TLS on the pipe, with whatever has arrived and was not used.
    func startTLS(_ stream: TLSStream) {
        core.preconditionOnLoop()
        guard state == .open else { return }
        tls = stream
        serviceAfterTurn()
    }

    func requestWrite() {
        core.preconditionOnLoop()
        guard state == .open else { return }
        wantsToWrite = true
        // A service that is under way comes to it anyway.
        if !isBlocked, !awaitsRecords, !isInService { serviceAfterTurn() }
    }

    func setReading(_ isReading: Bool) {
        core.preconditionOnLoop()
        guard state == .open, isReading != self.isReading else { return }
        self.isReading = isReading
        if isReading { return serviceAfterTurn() }
        updatePolling()
        watchForReset()
    }

    /// While reading is paused libwebsockets does not poll the descriptor on libuv, and a reset would go unseen.
    private func watchForReset() {
        guard resetWatch == nil else { return }
        resetWatch = core.schedule(after: Self.resetWatchInterval) { [weak self] in
            guard let self else { return }
            resetWatch = nil
            guard state == .open, !isReading else { return }
            if SocketIO.hasHungUp(socket) { readRemainingInput() } else { watchForReset() }
        }
    }

    private static let resetWatchInterval = Duration.milliseconds(500)

    /// Polling goes on saying that there is something to read, and only heats the processor, while it is not read.
    private func updatePolling() {
        let wanted = state == .lingering || (state == .open && (isReading || awaitsRecords) && peerEnd == nil)
        guard wanted != isPolledForInput else { return }
        isPolledForInput = wanted
        setPollingForInput(wanted)
    }

    func schedule(after delay: Duration, _ action: @escaping () -> Void) -> LoopTimers.ID {
        core.schedule(after: delay, action)
    }

    func cancel(_ id: LoopTimers.ID) {
        core.cancel(id)
    }

    func abort() {
        core.preconditionOnLoop()
        isAborted = true
        serviceAfterTurn()
    }

    // MARK: - The end

    /// Ends our side in order. Everything has been sent.
    func endSending() {
        _ = shutdown(socket, CInt(SHUT_WR))
        guard isPolled, peerEnd == nil else { return finish(.endOfStream) }
        state = .lingering
        updatePolling()
        tls = nil
        let unused = takeUnused()
        let consumer = consumer
        self.consumer = nil
        lingerDeadline = core.schedule(after: Self.lingerTime) { [weak self] in self?.finish(.endOfStream) }
        serviceAfterTurn()
        consumer?.pipeDidEnd(PipeEnd(stage: .open, cause: .endOfStream), unused: unused)
    }

    /// A peer that has sent its last frame has nothing to do but to end TCP: this is for those that are slow or gone.
    private static let lingerTime = Duration.seconds(1)

    /// Reads and drops the bytes that come after the end.
    private func discardInput() {
        switch unsafe SocketIO.receive(from: socket, into: core.scratch) {
        case .moved, .wouldBlock: break
        case .endOfStream, .failed: finish(.endOfStream)
        }
    }

    /// Tells the consumer, and lets everything go. Only the first call counts.
    func finish(_ cause: PipeEnd.Cause) {
        guard state != .ended else { return }
        state = .ended
        if let lingerDeadline { core.cancel(lingerDeadline) }
        if let resetWatch { core.cancel(resetWatch) }
        tls = nil
        unsent = nil
        let unused = takeUnused()
        let consumer = consumer
        self.consumer = nil
        if ownsSocket {
            closeDescriptor(socket)
            socket = -1
            core.releaseForsaken(self)
        } else {
            close()
        }
        consumer?.pipeDidEnd(PipeEnd(stage: .open, cause: cause), unused: unused)
        didEnd.take()?()
    }

    private func takeUnused() -> [UInt8] {
        defer { unused = nil }
        return unused.map { unsafe Array($0.bytes[unusedOffset...]) } ?? []
    }
}
