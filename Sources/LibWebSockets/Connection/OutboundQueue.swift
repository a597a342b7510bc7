internal import DequeModule
internal import WebSocketProtocol

/// The output that waits to be written to one connection, and the state that decides whether more may be added.
///
/// A value, shared under the connection's lock: producers on any thread append frames here, the loop takes them out in
/// segments. Frames never span two segments, so control frames can go between any two of them.
struct OutboundQueue: ~Copyable {
    /// Whole frames, handed to the loop together.
    struct Segment {
        let frames: FrameBuffer
        /// The number of messages that end in these frames.
        var messageCount = 0
    }

    /// Small frames are gathered up to this size. Several TLS records: a record carries 16 KiB at most.
    private static let segmentSize = FrameBuffer.gatheringCapacity
    /// A segment this small is kept for the next message; larger ones go, so that idle connections stay small.
    private static let largestKeptCapacity = 4 << 10
    /// The most bytes of pings and pongs that may wait before only the latest further ping is answered.
    private static let pongLimit = 64 << 10

    var machine: ConnectionStateMachine {
        didSet { allowsSending = machine.allowsSending }
    }
    /// ``ConnectionStateMachine/allowsSending``, which is asked for each message: asking the machine would copy it.
    private(set) var allowsSending: Bool
    private var encoder: FrameEncoder
    /// Segments that take no more.
    private var segments = Deque<Segment>()
    /// The segment that is being filled, which comes after the others. Its buffer has a place of its own, so that a message
    /// costs no look into the queue.
    private var filling: FrameBuffer?
    private var fillingMessageCount = 0
    private var control: FrameBuffer?
    /// The pong that follows ``control`` when that is full.
    private var latestPong: FrameBuffer?
    private var spare: FrameBuffer?
    /// Bytes that were added and not yet taken to be written.
    private(set) var byteCount = 0
    /// The size of the frames that are being written.
    private var takenByteCount = 0
    /// Bytes that were added and not yet written.
    var waitingByteCount: Int { byteCount + takenByteCount }
    /// The loop knows that there is something to do for this connection.
    var isLoopTold = false
    /// TCP ends when everything has been written.
    private(set) var endsWhenEmpty = false
    private(set) var sentMessageCount = 0
    /// The payloads of the messages that were added.
    private(set) var sentByteCount = 0

    /// The source of the buffers of bursts.
    private let pool: FrameBufferPool

    init(role: Role, random: RandomByteSource, pool: FrameBufferPool) {
        self.pool = pool
        machine = ConnectionStateMachine(role: role)
        allowsSending = machine.allowsSending
        encoder = FrameEncoder(role: role, maskingKeys: MaskingKeySource(random))
    }

    var isEmpty: Bool { filling == nil && segments.isEmpty && control == nil }

    /// The number of messages that were added and never taken to be written.
    var unsentMessageCount: Int {
        segments.reduce(fillingMessageCount) { $0 + $1.messageCount }
    }

    // MARK: - Adding

    /// Adds a frame of a message. With `fin` it ends the message.
    /// - Parameter uncompressedCount: The size of the payload before it was compressed; `nil` when it was not.
    mutating func append(
        _ opcode: Opcode, payload: UnsafeRawBufferPointer, fin: Bool = true, rsv1: Bool = false,
        uncompressedCount: Int? = nil
    ) throws(RandomSourceFailure) {
        let frames = buffer(forFrameOf: payload.count)
        let before = frames.count
        try unsafe encoder.encode(opcode, payload: payload, fin: fin, rsv1: rsv1, into: frames)
        let after = frames.count
        byteCount += after - before
        if !opcode.isControl {
            sentByteCount += uncompressedCount ?? payload.count
            if fin {
                fillingMessageCount += 1
                sentMessageCount += 1
            }
        }
        filling = frames
    }

    /// Returns the buffer for a frame with a payload of this size. Idle connections have a small buffer, those with much to
    /// send a large one that went before.
    private mutating func buffer(forFrameOf byteCount: Int) -> FrameBuffer {
        let frameCount = byteCount + FrameHeader.maximumByteCount
        guard let frames = filling else { return takeBuffer(forBytes: frameCount) }
        let needed = frames.count + frameCount
        if needed > Self.segmentSize, frames.count > Self.segmentSize / 2 {
            seal()
            return takeBuffer(forBytes: frameCount)
        }
        guard needed > frames.capacity, needed > Self.largestKeptCapacity else { return frames }
        let larger = pool.take(minimumCapacity: needed)
        unsafe larger.append(contentsOf: UnsafeRawBufferPointer(frames.bytes))
        keep(frames)
        filling = larger
        return larger
    }

    /// Lets the next frame begin another segment.
    private mutating func seal() {
        guard let frames = filling else { return }
        segments.append(Segment(frames: frames, messageCount: fillingMessageCount))
        filling = nil
        fillingMessageCount = 0
    }

    /// Adds bytes as they are, whatever the peer makes of them.
    mutating func appendRaw(_ bytes: UnsafeRawBufferPointer) {
        seal()
        let segment = Segment(frames: takeBuffer(forBytes: bytes.count))
        unsafe segment.frames.append(contentsOf: bytes)
        segments.append(segment)
        byteCount += bytes.count
    }

    /// Adds a ping, which goes out at the next boundary between segments.
    mutating func appendPing(_ payload: some Sequence<UInt8>) throws(RandomSourceFailure) {
        try appendControl(.ping, payload)
    }

    /// Adds a pong, as ``appendPing(_:)`` does. It takes the place of the one before when too many wait already: a peer may
    /// be left without an answer to all but its latest ping (RFC 6455 section 5.5.3).
    mutating func appendPong(_ payload: some Sequence<UInt8>) throws(RandomSourceFailure) {
        guard let control, control.count >= Self.pongLimit else { return try appendControl(.pong, payload) }
        let frame = latestPong ?? FrameBuffer()
        latestPong = nil
        byteCount -= frame.count
        frame.removeAll()
        try encoder.encode(.pong, payload: payload, into: frame)
        latestPong = frame
        byteCount += frame.count
    }

    private mutating func appendControl(_ opcode: Opcode, _ payload: some Sequence<UInt8>) throws(RandomSourceFailure) {
        let frames = control ?? FrameBuffer()
        let before = frames.count
        try encoder.encode(opcode, payload: payload, into: frames)
        control = frames
        byteCount += frames.count - before
    }

    /// Carries out what of `action` concerns the output.
    mutating func enqueue(_ action: ConnectionStateMachine.Action) throws(RandomSourceFailure) {
        switch action {
        case .sendClose(let frame), .sendCloseThenEnd(let frame):
            let body = frame.payload
            var failure: RandomSourceFailure?
            unsafe body.withUnsafeBytes { bytes in
                do throws(RandomSourceFailure) {
                    try unsafe append(.close, payload: bytes)
                } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
            if case .sendCloseThenEnd = action { endsWhenEmpty = true }
        case .endPipe: endsWhenEmpty = true
        case .ignore, .waitForPeer, .finish, .abort: break
        }
    }

    private mutating func takeBuffer(forBytes byteCount: Int) -> FrameBuffer {
        // A full segment stands in front of this one where there is any, so that more will follow.
        guard segments.isEmpty, byteCount <= Self.largestKeptCapacity else {
            return pool.take(minimumCapacity: byteCount)
        }
        defer { spare = nil }
        return spare ?? FrameBuffer()
    }

    // MARK: - Taking

    /// The next frames to write, control frames first; `nil` when there are none.
    mutating func takeSegment() -> Segment? {
        if let control {
            self.control = latestPong
            latestPong = nil
            byteCount -= control.count
            takenByteCount = control.count
            return Segment(frames: control)
        }
        if segments.isEmpty { seal() }
        guard let segment = segments.popFirst() else { return nil }
        byteCount -= segment.frames.count
        takenByteCount = segment.frames.count
        return segment
    }

    /// Takes a written buffer back for later use.
    mutating func recycle(_ frames: FrameBuffer) {
        takenByteCount = 0
        keep(frames)
    }

    private mutating func keep(_ frames: FrameBuffer) {
        guard frames.capacity <= Self.largestKeptCapacity else { return pool.give(frames) }
        frames.removeAll()
        spare = frames
    }

    /// Drops what was not written.
    mutating func discard() {
        takenByteCount = 0
        segments = []
        filling = nil
        fillingMessageCount = 0
        control = nil
        latestPong = nil
        spare = nil
        byteCount = 0
    }
}
