import WebSocketProtocol

/// Settings: role and RSV1; how the bytes are cut.
@Sendable func fuzzFrames(_ bytes: [UInt8]) throws(Finding) {
    var input = FuzzInput(bytes)
    let flags = input.setting()
    let role: Role = flags & 1 == 0 ? .client : .server
    let allowsRSV1 = flags & 2 != 0
    let seed = input.setting()
    let pieces = input.pieces(seed: seed)
    let whole = DecodedFrames(decoding: [Array(input.rest)], role: role, allowsRSV1: allowsRSV1)
    let cut = DecodedFrames(decoding: pieces, role: role, allowsRSV1: allowsRSV1)
    try check(whole == cut, "cut into \(pieces.map(\.count)) it is \(cut), whole it is \(whole)")
    // Nothing has two forms, so that the frames determine the bytes that they came from.
    let encoded = try whole.encoded(to: role)
    try check(input.rest.starts(with: encoded), "\(Array(input.rest)) was read as \(whole), which is \(encoded)")
}

/// A decoder's result for a stream, in a form that does not depend on how the stream was cut.
private struct DecodedFrames: Equatable {
    struct Frame: Equatable {
        let header: FrameHeader
        var payload: [UInt8]
        var isComplete: Bool
    }

    private(set) var frames: [Frame] = []
    private(set) var violation: ProtocolViolation?

    init(decoding pieces: [[UInt8]], role: Role, allowsRSV1: Bool) {
        var decoder = FrameDecoder(role: role, allowsRSV1: allowsRSV1)
        for var piece in pieces where violation == nil {
            piece.withUnsafeMutableBytes { bytes in
                var rest = bytes
                do throws(ProtocolViolation) {
                    while let part = try decoder.next(&rest) { append(part) }
                } catch {
                    violation = error
                }
            }
        }
    }

    private mutating func append(_ part: FrameDecoder.Piece) {
        if part.startsFrame { frames.append(Frame(header: part.header, payload: [], isComplete: false)) }
        frames[frames.count - 1].payload += part.payload
        frames[frames.count - 1].isComplete = part.endsFrame
    }

    /// The whole frames as the other side of `role` writes them, with the same masking keys.
    func encoded(to role: Role) throws(Finding) -> [UInt8] {
        let buffer = FrameBuffer()
        for frame in frames where frame.isComplete {
            let key = frame.header.maskingKey ?? 0
            let keys = MaskingKeySource(
                RandomByteSource { bytes in
                    for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: key >> (8 * (index % 4))) }
                })
            var encoder = FrameEncoder(role: role == .client ? .server : .client, maskingKeys: keys)
            do {
                try encoder.encode(
                    frame.header.opcode, payload: frame.payload, fin: frame.header.fin, rsv1: frame.header.rsv1,
                    into: buffer)
            } catch {
                throw Finding("no masking key: \(error)")
            }
        }
        return Array(buffer.bytes)
    }
}

@Sendable func fuzzCloseFrames(_ payload: [UInt8]) throws(Finding) {
    let frame: Result<CloseFrame, ProtocolViolation> = payload.withUnsafeBytes { bytes in
        do throws(ProtocolViolation) {
            return .success(try CloseFrame(payload: bytes))
        } catch {
            return .failure(error)
        }
    }
    // The rules of RFC 6455 sections 5.5.1 and 7.4, with the standard library's UTF-8.
    let code = payload.count >= 2 ? CloseCode(rawValue: UInt16(payload[0]) << 8 | UInt16(payload[1])) : nil
    let isValid =
        payload.isEmpty
        || code?.isAllowedOnTheWire == true && String(validating: payload.dropFirst(2), as: UTF8.self) != nil
    switch frame {
    case .failure(let violation): try check(!isValid, "\(payload) was refused: \(violation)")
    case .success(let frame):
        try check(isValid, "\(payload) was taken for \(frame)")
        try check(frame.code == code, "\(payload) has the code \(frame.code as Any)")
        if payload.count <= Opcode.maximumControlPayload {
            try check(frame.payload == payload, "\(payload) is sent as \(frame.payload)")
        }
        try check(frame.payload.count <= Opcode.maximumControlPayload, "\(frame) is sent as \(frame.payload)")
        let sent = frame.asSent
        try check(sent.payload == frame.payload && sent.asSent == sent, "\(frame) is sent as \(sent)")
    }
}
