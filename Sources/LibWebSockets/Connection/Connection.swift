internal import Logging
internal import Synchronization
internal import WebSocketProtocol

/// One established connection, of either role: frames in and out of a byte pipe.
///
/// Two locks guard the state that threads share: one the output and the connection's state (`outbound`), the other the
/// received messages (`inbound`). Neither is held while the other is taken, nor while a continuation is resumed. Everything
/// else belongs to the loop's thread.
///
/// `@unchecked Sendable` because the members marked as the loop's are touched in methods that the loop calls, only; the
/// pipe asserts its thread on each use.
@safe final class Connection: @unchecked Sendable {
    struct Limits {
        var maximumMessageSize: Int
        /// Bytes of received messages, as ``MessageMemory`` counts them, that may wait for the program before reading stops.
        var receiveBuffer: Int
        /// Bytes that may wait for the network before `send` suspends.
        var sendBuffer: Int
        var closeTimeout: Duration

        /// The one check for clients and servers.
        func validate() throws(WebSocketError) {
            let sizes = [
                ("maximumMessageSize", maximumMessageSize), ("receiveBufferSize", receiveBuffer),
                ("sendBufferSize", sendBuffer),
            ]
            for (name, value) in sizes where value < 1 {
                throw WebSocketError(
                    .invalidConfiguration, stage: .configuration,
                    message: "\(name) is \(value), but must be at least 1 byte")
            }
            try Self.validate("closeTimeout", closeTimeout)
        }

        static func validate(_ name: String, _ timeout: Duration?) throws(WebSocketError) {
            guard let timeout, timeout <= .zero else { return }
            throw WebSocketError(
                .invalidConfiguration, stage: .configuration,
                message: "\(name) is \(timeout), but must be longer than zero")
        }
    }

    struct Outbound: ~Copyable {
        var queue: OutboundQueue
        var pings: PendingPings
        /// Senders that wait to be admitted.
        var admission: Admission
        var lastCloseWaiter: UInt64 = 0
        var closeWaiters: [UInt64: Waiter<WebSocketClosure>] = [:]
        /// Set once, when it is certain how the connection ends.
        var ending: Ending?

        /// Those that may send now.
        mutating func admit() -> [Sender] {
            admission.admit(queued: queue.waitingByteCount)
        }
    }

    /// The end of the connection, as calls made afterwards report it.
    struct Ending {
        var closure: WebSocketClosure
        /// `nil` after an orderly end.
        var error: WebSocketError?
        var unsentMessageCount: Int
    }

    let socketLoop: SocketLoop
    let limits: Limits
    let logger: Logger
    let peer: String
    private let outboundLock = Lock(())
    private let outbound: UnsafeMutablePointer<Outbound>
    private let inboundLock = Lock(())
    private let inbound: UnsafeMutablePointer<InboundQueue>
    /// `nil` when compression was not agreed on.
    let compressor: MessageCompressor?
    let networkBytesReceived = Atomic<UInt64>(0)
    let networkBytesSent = Atomic<UInt64>(0)
    /// The size of ``remainingInput``.
    private let remainingByteCount = Atomic<Int>(0)
    /// The messages end as soon as it is certain how the connection does, although this side's close frame waits.
    let endsMessagesAtOnce = Atomic<Bool>(false)

    // Called on the loop's thread only.
    var pipe: (any Pipe)?
    var reader: MessageReader
    var readResult = ReadResult()
    /// Messages have come in this turn: their reader is woken once all has been read.
    var hasNewMessages = false
    /// The things that were logged about this connection, and are not again.
    var loggedOnce: Set<LoggedOnce> = []

    enum LoggedOnce {
        case unansweredPing
        case unseenMessages
    }

    /// The faults of a server for tests; `nil` otherwise.
    var faults: ConnectionFaults?
    var controlFrames: ControlFrameObserver?
    var segment: OutboundQueue.Segment?
    var segmentOffset = 0
    /// The number of bytes that the pipe has sent after they had been taken.
    var sentByPipe: UInt64 = 0
    var keepAlive: KeepAlive?
    var keepAliveTimer: LoopTimers.ID?
    var closeDeadline: LoopTimers.ID?
    var pipeError: WebSocketError?
    /// It is certain how the connection ends: ``Outbound/ending`` is set.
    var isEndPublished = false
    /// Reading stops while nobody takes the messages.
    var mayPause = true
    /// The bytes that had arrived before the pipe ended and were not used yet.
    var remainingInput: RemainingInput? {
        didSet { remainingByteCount.store(remainingInput.map { $0.bytes.count - $0.used } ?? 0, ordering: .relaxed) }
    }

    struct RemainingInput {
        var bytes: [UInt8]
        var used = 0
        let end: ConnectionStateMachine.EndOfPipe
    }

    /// The part of a message that has to be missing to be read to where it stays: a system call for less costs more than a
    /// copy.
    static let leastDirectRead = 16 << 10
    /// The largest piece written at once: of what TLS makes of it, the pipe keeps what the socket does not take.
    static let largestWrite = 256 << 10
    /// The most bytes that one connection writes before others get their turn.
    static let largestTurn = 1 << 20
    /// The most that one read may cost, of two in a turn, before other connections get theirs; see ``ReadResult/cost``.
    static let largestReadCost = 128 << 10

    init(
        role: Role, pipe: any Pipe, socketLoop: SocketLoop, peer: String, limits: Limits,
        compression: AgreedCompression? = nil, keepAlive: KeepAlive? = nil,
        logger: Logger
    ) {
        self.socketLoop = socketLoop
        self.limits = limits
        self.peer = peer
        self.logger = logger
        self.pipe = pipe
        self.keepAlive = keepAlive
        let queue = OutboundQueue(role: role, random: .openSSL, pool: socketLoop.frameBuffers)
        reader = MessageReader(
            role: role, maximumMessageSize: limits.maximumMessageSize,
            inflater: compression?.parameters.makeInflater(role: role))
        compressor = compression.flatMap { MessageCompressor($0, role: role) }
        unsafe outbound = .allocate(capacity: 1)
        unsafe outbound.initialize(
            to: Outbound(
                queue: queue, pings: PendingPings(firstNumber: .random(in: 0 ... .max)),
                admission: SendAdmission(limit: limits.sendBuffer)))
        unsafe inbound = .allocate(capacity: 1)
        unsafe inbound.initialize(to: InboundQueue())
    }

    deinit {
        unsafe outbound.deinitialize(count: 1).deallocate()
        unsafe inbound.deinitialize(count: 1).deallocate()
    }

    // A `Lock` that holds the state itself would refuse to let raw memory in and buffers out, which is what these are for.
    // In a property of a class, each access would be checked for others at the same time; the lock sees to that.

    @inline(__always)
    func withOutbound<Value, Failure: Error>(
        _ body: (inout Outbound) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        var result: Result<Value, Failure>?
        outboundLock.withLock { _ in result = Result { () throws(Failure) in try unsafe body(&outbound.pointee) } }
        return try result!.get()
    }

    @inline(__always)
    func withInbound<Value>(_ body: (inout InboundQueue) -> Value) -> Value {
        var result: Value?
        inboundLock.withLock { _ in unsafe result = body(&inbound.pointee) }
        return result!
    }

    /// The end of the connection; `nil` while it is open.
    var ending: Ending? {
        withOutbound { $0.ending }
    }

    var statistics: WebSocketStatistics {
        var statistics = withInbound { inbound in
            WebSocketStatistics(
                messagesReceived: inbound.receivedMessageCount, bytesReceived: inbound.receivedByteCount,
                bytesWaitingToBeRead: inbound.byteCount + remainingByteCount.load(ordering: .relaxed))
        }
        withOutbound { outbound in
            statistics.messagesSent = outbound.queue.sentMessageCount
            statistics.networkBytesReceived = networkBytesReceived.load(ordering: .relaxed)
            statistics.networkBytesSent = networkBytesSent.load(ordering: .relaxed)
            statistics.bytesSent = outbound.queue.sentByteCount
            statistics.bytesWaitingToBeWritten = outbound.queue.waitingByteCount
            statistics.messagesUnsent = outbound.ending?.unsentMessageCount ?? 0
        }
        return statistics
    }

    /// Returns whether the loop has to be told, and notes that it is.
    static func claimWakeUp(_ queue: inout OutboundQueue) -> Bool {
        defer { queue.isLoopTold = true }
        return !queue.isLoopTold
    }

    func wakeLoop() {
        // The loop refuses this once it has ended, and has then told everybody who waits.
        try? socketLoop.submit(.output(self))
    }

    /// Returns the error for a call that comes too late: with the reason, where the connection was lost.
    static func closedError(_ ending: Ending?) -> WebSocketError {
        let state = ending.map { "closed (\($0.closure.code))" } ?? "closing"
        let reason = ending?.error.map { "; it ended because \($0.message)" } ?? ""
        return WebSocketError(
            .connectionClosed, stage: .closing,
            message: "the connection is \(state), so nothing more can be sent on it\(reason)",
            closure: ending?.closure, errno: ending?.error?.errno)
    }

    static func randomError(_ failure: RandomSourceFailure) -> WebSocketError {
        WebSocketError(.libraryUnsuitable, stage: .open, message: failure.description)
    }
}
