/// Cuts a byte stream into frames, wherever the reads happen to end, and unmasks payloads where they lie.
///
/// It checks the rules that concern one frame; ``MessageReader`` checks those that concern several. After it threw, the
/// rest of the stream means nothing and must not be given to it.
package struct FrameDecoder: Sendable {
    /// The part of a frame that one read brought. Every frame yields a first piece as soon as its header is complete,
    /// even when no byte of the payload is there yet.
    package struct Piece {
        package let header: FrameHeader
        /// Unmasked; lies in the bytes given to ``FrameDecoder/next(_:)``.
        package let payload: UnsafeMutableRawBufferPointer
        package let startsFrame: Bool
        package let endsFrame: Bool
    }

    package let role: Role
    package let allowsRSV1: Bool

    /// The beginning of a header that a read cut.
    private var partialHeader: [UInt8] = []
    /// The frame whose payload is still to come.
    private var current: FrameHeader?
    private var received = 0

    package init(role: Role, allowsRSV1: Bool = false) {
        self.role = role
        self.allowsRSV1 = allowsRSV1
    }

    /// The next byte begins a frame.
    package var isBetweenFrames: Bool { current == nil && partialHeader.isEmpty }

    /// Takes the next piece off the front of `bytes`.
    /// - Returns: `nil` when `bytes` is used up.
    package mutating func next(
        _ bytes: inout UnsafeMutableRawBufferPointer
    ) throws(ProtocolViolation) -> Piece? {
        guard bytes.count > 0, let start = bytes.baseAddress else { return nil }
        if let header = current {
            return takePayload(of: header, from: &bytes, startsFrame: false)
        }
        if partialHeader.isEmpty,
            let header = try FrameHeader.parse(
                start, count: bytes.count, receiver: role, allowsRSV1: allowsRSV1)
        {
            bytes = UnsafeMutableRawBufferPointer(
                start: start + header.byteCount, count: bytes.count &- header.byteCount)
            return takePayload(of: header, from: &bytes, startsFrame: true)
        }
        guard let header = try completeHeader(from: &bytes) else { return nil }
        return takePayload(of: header, from: &bytes, startsFrame: true)
    }

    /// Takes back the last `count` bytes of the piece that ``next(_:)`` returned last: its reader cannot use them yet. They
    /// lie in front of `bytes` again, masked as they came.
    package mutating func unread(
        _ count: Int, of piece: Piece, into bytes: inout UnsafeMutableRawBufferPointer
    ) {
        guard count > 0, let payload = piece.payload.baseAddress else { return }
        let start = payload + (piece.payload.count &- count)
        let end = piece.endsFrame ? piece.header.payloadLength : received
        received = end &- count
        current = piece.header
        if let key = piece.header.maskingKey {
            Masking.apply(Masking.rotated(key, by: received), from: start, to: start, count: count)
        }
        bytes = UnsafeMutableRawBufferPointer(start: start, count: bytes.count &+ count)
    }

    /// The frame whose payload is under way, and how much of it is still to come.
    package var unfinishedFrame: (header: FrameHeader, missing: Int)? {
        current.map { ($0, $0.payloadLength &- received) }
    }

    /// Payload of ``unfinishedFrame`` has arrived elsewhere than in bytes given to ``next(_:)``, as it is: unmasked.
    package mutating func skip(_ count: Int) {
        guard let header = current else { return }
        received += count
        if received == header.payloadLength { current = nil }
    }

    private mutating func completeHeader(
        from bytes: inout UnsafeMutableRawBufferPointer
    ) throws(ProtocolViolation) -> FrameHeader? {
        let role = role
        let allowsRSV1 = allowsRSV1
        while let byte = bytes.first {
            bytes = UnsafeMutableRawBufferPointer(rebasing: bytes.dropFirst())
            partialHeader.append(byte)
            let header = try partialHeader.withUnsafeBufferPointer { part throws(ProtocolViolation) -> FrameHeader? in
                guard let start = part.baseAddress else { return nil }
                return try FrameHeader.parse(start, count: part.count, receiver: role, allowsRSV1: allowsRSV1)
            }
            if let header {
                partialHeader.removeAll(keepingCapacity: true)
                return header
            }
        }
        return nil
    }

    @inline(__always)
    private mutating func takePayload(
        of header: FrameHeader, from bytes: inout UnsafeMutableRawBufferPointer, startsFrame: Bool
    ) -> Piece {
        let alreadyReceived = startsFrame ? 0 : received
        let count = min(header.payloadLength &- alreadyReceived, bytes.count)
        let payload = UnsafeMutableRawBufferPointer(start: bytes.baseAddress, count: count)
        if let start = bytes.baseAddress {
            if let key = header.maskingKey {
                Masking.apply(Masking.rotated(key, by: alreadyReceived), from: start, to: start, count: count)
            }
            bytes = UnsafeMutableRawBufferPointer(start: start + count, count: bytes.count &- count)
        }
        let endsFrame = alreadyReceived &+ count == header.payloadLength
        if endsFrame {
            if !startsFrame { current = nil }
        } else {
            current = header
            received = alreadyReceived &+ count
        }
        return Piece(header: header, payload: payload, startsFrame: startsFrame, endsFrame: endsFrame)
    }
}
