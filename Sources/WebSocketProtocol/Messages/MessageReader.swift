/// Turns the bytes a peer sends into messages, pings, pongs and the end of it all.
///
/// Messages that lie whole in one read, which is nearly all of the small ones, are not assembled: they become slices of one
/// array, the only memory allocated for all of them. After the end, everything else that arrives is ignored (RFC 6455
/// sections 1.4 and 7.1.7).
package struct MessageReader {
    private var decoder: FrameDecoder
    private var assembler: MessageAssembler
    /// The beginning of a control payload that a read cut.
    private var controlPayload: [UInt8] = []
    package private(set) var hasEnded = false

    /// Makes a reader for one connection.
    ///
    /// - Parameters:
    ///   - role: The role of this side.
    ///   - maximumMessageSize: The most bytes that a message may have, after inflating it. A frame that announces more is
    ///     refused before any of it is stored.
    ///   - inflater: Set when an extension that compresses messages was negotiated.
    package init(role: Role, maximumMessageSize: Int, inflater: (any MessageInflater)? = nil) {
        decoder = FrameDecoder(role: role, allowsRSV1: inflater != nil)
        assembler = MessageAssembler(maximumSize: maximumMessageSize, inflater: inflater)
    }

    /// Reads on.
    /// - Parameters:
    ///   - bytes: The next bytes from the peer, cut anywhere. Unmasking changes those that are used, and nothing else.
    ///   - result: The result that what is read is appended to.
    ///   - budget: Stops, with input left, once ``ReadResult/cost`` has reached this. At least 1: then every call gets on.
    /// - Returns: The number of bytes that were used. The rest has to be given again, in front of what comes next.
    @discardableResult
    package mutating func read(
        _ bytes: UnsafeMutableRawBufferPointer, into result: inout ReadResult, budget: Int = .max
    ) -> Int {
        var rest = bytes
        do throws(ProtocolViolation) {
            while !hasEnded {
                try readWholeFrames(&rest, budget: budget, into: &result)
                guard result.cost < budget, let piece = try decoder.next(&rest) else { break }
                if piece.header.opcode.isControl {
                    try readControl(piece, into: &result)
                } else {
                    let used = try readData(piece, budget: budget, into: &result)
                    guard used < piece.payload.count else { continue }
                    decoder.unread(piece.payload.count - used, of: piece, into: &rest)
                    break
                }
            }
        } catch {
            end()
            result.end = .violation(error)
        }
        result.copyInPlaceMessages()
        return hasEnded ? bytes.count : bytes.count - rest.count
    }

    /// Takes messages of one frame that need nothing but their place noted off the front of `bytes`. Such messages are most
    /// of what a client ever reads; everything else is left to ``FrameDecoder``, and every fault.
    @inline(__always)
    private func readWholeFrames(
        _ bytes: inout UnsafeMutableRawBufferPointer, budget: Int, into result: inout ReadResult
    ) throws(ProtocolViolation) {
        guard decoder.role == .client, decoder.isBetweenFrames, !assembler.isActive, var start = bytes.baseAddress
        else {
            return
        }
        let end = start + bytes.count
        while result.cost < budget, end - start >= 4 {
            let header = UInt32(littleEndian: start.loadUnaligned(as: UInt32.self))
            let firstByte = UInt8(truncatingIfNeeded: header)
            guard firstByte == Self.wholeText || firstByte == Self.wholeBinary else { break }
            var length = Int(header >> 8 & 0xFF)
            var payload = start + 2
            if length == 126 {
                length = Int(UInt16(truncatingIfNeeded: header >> 16).byteSwapped)
                payload += 2
                guard length > 125 else { break }
            } else if length > 125 {
                break
            }
            guard length <= assembler.maximumSize, end - payload >= length else { break }
            try readWhole(
                firstByte == Self.wholeText ? .text : .binary,
                UnsafeMutableRawBufferPointer(start: payload, count: length),
                into: &result)
            start = payload + length
        }
        bytes = UnsafeMutableRawBufferPointer(start: start, count: end - start)
    }

    /// The first byte of a frame that is a whole message, neither compressed nor in fragments.
    private static let wholeText = 0x80 | Opcode.text.rawValue
    private static let wholeBinary = 0x80 | Opcode.binary.rawValue

    /// The most that is read at once, for others to have their turn.
    private static let largestDirectRead = 256 << 10

    /// A message has begun and its last frame has not ended.
    package var isInMessage: Bool { assembler.isActive }

    /// Reads on in a large message without a copy: `fill` writes what the peer sent next where the message's bytes lie.
    /// - Parameters:
    ///   - least: The bytes of the frame that have to be missing, so that it is worth a read of its own.
    ///   - fill: Gets the room, and returns how much of it was filled.
    /// - Returns: The number of those bytes; `nil`, without a call of `fill`, when the next bytes are something else.
    package mutating func readDirectly(
        atLeast least: Int, into result: inout ReadResult, _ fill: (UnsafeMutableRawBufferPointer) -> Int
    ) -> Int? {
        guard !hasEnded, assembler.takesBytesDirectly, let (header, missing) = decoder.unfinishedFrame,
            header.maskingKey == nil, !header.opcode.isControl, missing >= least
        else { return nil }
        do throws(ProtocolViolation) {
            let count = try assembler.append(upTo: min(missing, Self.largestDirectRead), into: &result, fill)
            decoder.skip(count)
            if count == missing, header.fin, let message = try assembler.finish() { result.append(message) }
            return count
        } catch {
            end()
            result.end = .violation(error)
            return 0
        }
    }

    /// Returns how many bytes of the piece's payload were used.
    private mutating func readData(
        _ piece: FrameDecoder.Piece, budget: Int, into result: inout ReadResult
    ) throws(ProtocolViolation) -> Int {
        let header = piece.header
        if piece.startsFrame {
            if header.opcode == .continuation {
                guard assembler.isActive else { throw ProtocolViolation(.continuationOfNothing) }
            } else {
                guard !assembler.isActive else { throw ProtocolViolation(.messageInsideMessage(header.opcode)) }
                let kind: WebSocketMessage.Kind = header.opcode == .text ? .text : .binary
                if header.fin, piece.endsFrame, !header.rsv1 {
                    try readWhole(kind, piece.payload, into: &result)
                    return piece.payload.count
                }
                // Messages from before this one have to be delivered before it.
                result.copyInPlaceMessages()
                assembler.begin(kind, isCompressed: header.rsv1)
            }
            try assembler.prepare(forPayloadOf: header.payloadLength)
            result.addCost(ReadResult.costOfFrame)
        }
        let used = try assembler.append(piece.payload, budget: budget, into: &result)
        if used == piece.payload.count, piece.endsFrame, header.fin, let message = try assembler.finish() {
            result.append(message)
        }
        return used
    }

    @inline(__always)
    private func readWhole(
        _ kind: WebSocketMessage.Kind, _ payload: UnsafeMutableRawBufferPointer, into result: inout ReadResult
    ) throws(ProtocolViolation) {
        guard payload.count <= assembler.maximumSize else {
            let size = UInt64(payload.count)
            throw ProtocolViolation(.messageTooBig(size: size, limit: assembler.maximumSize))
        }
        if kind == .text, !UTF8Validator.isValid(UnsafeRawBufferPointer(payload)) {
            throw ProtocolViolation(.textNotUTF8)
        }
        result.appendInPlace(kind, payload)
    }

    private mutating func readControl(
        _ piece: FrameDecoder.Piece, into result: inout ReadResult
    ) throws(ProtocolViolation) {
        if piece.startsFrame { result.addCost(ReadResult.costOfControlFrame + piece.header.payloadLength) }
        if piece.startsFrame, piece.endsFrame {
            switch piece.header.opcode {
            case .ping: result.pings.append(ArraySlice(piece.payload))
            case .pong: result.pongs.append(ArraySlice(piece.payload))
            default: try readClose(UnsafeRawBufferPointer(piece.payload), into: &result)
            }
            return
        }
        controlPayload.append(contentsOf: piece.payload)
        guard piece.endsFrame else { return }
        switch piece.header.opcode {
        case .ping: result.pings.append(controlPayload[...])
        case .pong: result.pongs.append(controlPayload[...])
        default:
            let body = controlPayload
            try body.withUnsafeBufferPointer { bytes throws(ProtocolViolation) in
                try readClose(UnsafeRawBufferPointer(bytes), into: &result)
            }
        }
        controlPayload = []
    }

    private mutating func readClose(
        _ body: UnsafeRawBufferPointer, into result: inout ReadResult
    ) throws(ProtocolViolation) {
        result.end = .close(try CloseFrame(payload: body))
        end()
    }

    /// The close frame among bytes that are still to be read, of which nothing is used.
    package func closeFrame(in bytes: ArraySlice<UInt8>) -> CloseFrame? {
        guard !hasEnded else { return nil }
        var (decoder, payload, bytes) = (decoder, controlPayload, Array(bytes))
        return bytes.withUnsafeMutableBytes { bytes in
            var rest = bytes
            // A violation of the protocol ends the connection in front of any close frame.
            while let piece = try? decoder.next(&rest) {
                guard piece.header.opcode.isControl else { continue }
                if piece.startsFrame { payload = [] }
                payload += piece.payload
                guard piece.endsFrame, piece.header.opcode == .close else { continue }
                return payload.withUnsafeBytes { try? CloseFrame(payload: $0) }
            }
            return nil
        }
    }

    /// Nothing more is to be read: lets go of the message that was under way, which may be large, and of the inflater.
    package mutating func end() {
        hasEnded = true
        assembler.discard()
        controlPayload = []
    }
}
