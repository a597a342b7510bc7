internal import DequeModule
internal import WebSocketProtocol

/// What waits to be written to one connection, and the state that decides whether more may be added.
///
/// A value, shared under the connection's lock: producers on any thread append frames here, the loop takes them out in
/// segments. Frames never span two segments, so control frames can go between any two of them.
struct OutboundQueue: ~Copyable {
    /// Whole frames, handed to the loop together.
    struct Segment {
        let frames: FrameBuffer
        /// How many messages end in these frames.
        var messageCount = 0
    }

    /// Small frames are gathered up to this size. Several TLS records: a record carries 16 KiB at most.
    private static let segmentSize = 64 << 10
    /// A segment this small is kept for the next message; larger ones go, so that idle connections stay small.
    private static let largestKeptCapacity = 4 << 10
    /// How many bytes of pings and pongs may wait before only the latest further ping is answered.
    private static let pongLimit = 64 << 10

    var machine: ConnectionStateMachine
    private var encoder: FrameEncoder
    private var segments = Deque<Segment>()
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
    /// Whether the loop knows that there is something to do for this connection.
    var isScheduled = false
    /// Whether TCP ends when everything has been written.
    private(set) var endsWhenEmpty = false
    private(set) var sentMessageCount = 0
    /// The payloads of the messages that were added.
    private(set) var sentByteCount = 0

    init(role: Role, random: RandomByteSource) {
        machine = ConnectionStateMachine(role: role)
        encoder = FrameEncoder(role: role, maskingKeys: MaskingKeySource(random))
    }

    var isEmpty: Bool { segments.isEmpty && control == nil }

    /// How many messages were added and never taken to be written.
    var unsentMessageCount: Int {
        segments.reduce(0) { $0 + $1.messageCount }
    }

    // MARK: - Adding

    /// Adds a frame of a message. With `fin` it ends the message.
    /// - Parameter uncompressedCount: The size of the payload before it was compressed; `nil` when it was not.
    mutating func append(
        _ opcode: Opcode, payload: UnsafeRawBufferPointer, fin: Bool = true, rsv1: Bool = false,
        uncompressedCount: Int? = nil
    ) throws(RandomSourceFailure) {
        if segments.isEmpty || segments[segments.count - 1].frames.count >= Self.segmentSize {
            segments.append(Segment(frames: takeBuffer()))
        }
        let last = segments.count - 1
        let before = segments[last].frames.count
        do throws(RandomSourceFailure) {
            try unsafe encoder.encode(opcode, payload: payload, fin: fin, rsv1: rsv1, into: segments[last].frames)
        } catch {
            if before == 0 { segments.removeLast() }
            throw error
        }
        byteCount += segments[last].frames.count - before
        guard !opcode.isControl else { return }
        sentByteCount += uncompressedCount ?? payload.count
        if fin {
            segments[last].messageCount += 1
            sentMessageCount += 1
        }
    }

    /// Adds bytes as they are, whatever the peer makes of them.
    mutating func appendRaw(_ bytes: UnsafeRawBufferPointer) {
        let segment = Segment(frames: takeBuffer())
        unsafe segment.frames.append(contentsOf: bytes)
        segments.append(segment)
        byteCount += bytes.count
    }

    /// Adds a ping, which goes out at the next boundary between segments.
    mutating func appendPing(_ payload: some Sequence<UInt8>) throws(RandomSourceFailure) {
        try appendControl(.ping, payload)
    }

    /// Adds a pong, as ``appendPing(_:)`` does. When too many wait already, it takes the place of the one before: a peer may
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
        case .endTransport: endsWhenEmpty = true
        case .ignore, .open, .waitForPeer, .finish, .abort: break
        }
    }

    private mutating func takeBuffer() -> FrameBuffer {
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
        guard let segment = segments.popFirst() else { return nil }
        byteCount -= segment.frames.count
        takenByteCount = segment.frames.count
        if segments.isEmpty { letGo() }
        return segment
    }

    /// Gives memory back that only a burst needs: no other may come.
    private mutating func letGo() {
        if let spare, spare.capacity > Self.largestKeptCapacity { self.spare = nil }
    }

    /// Takes a written buffer back for later use.
    mutating func recycle(_ frames: FrameBuffer) {
        takenByteCount = 0
        guard spare == nil, !segments.isEmpty || frames.capacity <= Self.largestKeptCapacity else { return }
        frames.removeAll()
        spare = frames
    }

    /// Drops what was not written.
    mutating func discard() {
        takenByteCount = 0
        segments = []
        control = nil
        latestPong = nil
        spare = nil
        byteCount = 0
    }
}
