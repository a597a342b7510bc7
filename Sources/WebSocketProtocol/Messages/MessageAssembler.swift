/// Puts one message together whose bytes do not arrive in one piece: fragmented, compressed, or cut by a read.
struct MessageAssembler {
    /// The most bytes that a frame's header can make us reserve before its payload arrives.
    private static let largestAdvance = 1 << 20

    let maximumSize: Int
    private var inflater: (any MessageInflater)?

    private var kind: WebSocketMessage.Kind?
    private var isCompressed = false
    private var bytes: [UInt8] = []
    /// Between two messages it is always complete, so it needs no reset.
    private var validator = UTF8Validator()

    init(maximumSize: Int, inflater: (any MessageInflater)?) {
        self.maximumSize = maximumSize
        self.inflater = inflater
    }

    /// A message has begun and its last frame has not ended.
    var isActive: Bool { kind != nil }

    mutating func begin(_ kind: WebSocketMessage.Kind, isCompressed: Bool) {
        self.kind = kind
        self.isCompressed = isCompressed
    }

    /// A frame of the message announces its length. Nothing of it has been stored yet.
    mutating func prepare(forPayloadOf length: Int) throws(ProtocolViolation) {
        // A compressed length says nothing about the message's size: the inflater minds the limit.
        guard !isCompressed else { return }
        guard length <= maximumSize - bytes.count else {
            let size = UInt64(bytes.count) + UInt64(length)
            throw ProtocolViolation(.messageTooBig(size: size, limit: maximumSize))
        }
        // Array growth is geometric only when it is left to itself.
        if bytes.isEmpty { bytes.reserveCapacity(min(length, Self.largestAdvance)) }
    }

    /// Appends as much as the budget of the read allows.
    /// - Returns: The number of bytes of the payload that were used. Without compression all are.
    mutating func append(
        _ payload: UnsafeMutableRawBufferPointer, budget: Int, into result: inout ReadResult
    ) throws(ProtocolViolation) -> Int {
        let checked = bytes.count
        var used = payload.count
        if isCompressed, let inflater {
            let left = max(1, budget - result.cost)
            used = min(used, max(1, left / ReadResult.costOfCompressedByte))
            used = try inflater.inflate(
                UnsafeRawBufferPointer(rebasing: payload[..<used]), into: &bytes, limit: maximumSize, budget: left)
            result.addCost(used * ReadResult.costOfCompressedByte)
        } else {
            bytes.append(contentsOf: payload.assumingMemoryBound(to: UInt8.self))
        }
        result.addCost(bytes.count - checked)
        try validate(from: checked)
        return used
    }

    /// Arriving bytes are the message's own, to be put where they stay.
    var takesBytesDirectly: Bool { isActive && !isCompressed }

    /// Lets `fill` write the next bytes of the message behind those that are there. Returns how many those are.
    mutating func append(
        upTo count: Int, into result: inout ReadResult, _ fill: (UnsafeMutableRawBufferPointer) -> Int
    ) throws(ProtocolViolation) -> Int {
        let checked = bytes.count
        bytes.append(addingCapacity: count) { span in
            span.withUnsafeMutableBufferPointer { buffer, used in
                used += fill(
                    UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[used..<used + count])))
            }
        }
        result.addCost(bytes.count - checked)
        try validate(from: checked)
        return bytes.count - checked
    }

    /// The message's last frame has ended.
    mutating func finish() throws(ProtocolViolation) -> WebSocketMessage? {
        guard let kind else { return nil }
        if isCompressed, let inflater {
            let checked = bytes.count
            try inflater.finishMessage(into: &bytes, limit: maximumSize)
            try validate(from: checked)
        }
        if kind == .text, !validator.isComplete { throw ProtocolViolation(.textNotUTF8) }
        let message = WebSocketMessage(kind: kind, validatedPayload: bytes[...])
        self.kind = nil
        bytes = []
        return message
    }

    /// No message follows.
    mutating func discard() {
        kind = nil
        bytes = []
        inflater = nil
    }

    private mutating func validate(from offset: Int) throws(ProtocolViolation) {
        guard kind == .text else { return }
        let isValid = bytes.withUnsafeBytes { validator.consume(UnsafeRawBufferPointer(rebasing: $0[offset...])) }
        guard isValid else { throw ProtocolViolation(.textNotUTF8) }
    }
}
