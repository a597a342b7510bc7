@testable import WebSocketProtocol

/// The bytes of one frame as the other side of `receiver` would send it, written out by hand rather than by the
/// encoder, so that it can also be wrong.
struct RawFrame {
    var first: UInt8
    var payload: [UInt8]
    /// `nil`: the shortest form.
    var lengthForm: LengthForm?
    var announcedLength: UInt64?
    var key: [UInt8]?

    enum LengthForm {
        case sevenBits, sixteenBits, sixtyFourBits
    }

    init(_ opcode: Opcode, _ payload: [UInt8] = [], fin: Bool = true, rsv: UInt8 = 0, to receiver: Role) {
        self.init(first: (fin ? 0x80 : 0) | rsv << 4 | opcode.rawValue, payload, to: receiver)
    }

    init(first: UInt8, _ payload: [UInt8] = [], to receiver: Role) {
        self.first = first
        self.payload = payload
        key = receiver == .server ? [0x37, 0xFA, 0x21, 0x3D] : nil
    }

    var bytes: [UInt8] {
        let length = announcedLength ?? UInt64(payload.count)
        let form = lengthForm ?? (length < 126 ? .sevenBits : length < 65536 ? .sixteenBits : .sixtyFourBits)
        let mask: UInt8 = key == nil ? 0 : 0x80
        var bytes = [first]
        switch form {
        case .sevenBits:
            bytes.append(mask | UInt8(length))
        case .sixteenBits:
            bytes.append(mask | 126)
            withUnsafeBytes(of: UInt16(length).bigEndian) { bytes.append(contentsOf: $0) }
        case .sixtyFourBits:
            bytes.append(mask | 127)
            withUnsafeBytes(of: length.bigEndian) { bytes.append(contentsOf: $0) }
        }
        guard let key else { return bytes + payload }
        return bytes + key + payload.enumerated().map { $1 ^ key[$0 % 4] }
    }
}

/// Everything that came out of a reader, in a form that does not depend on how the bytes were cut.
struct Received: Equatable, CustomStringConvertible {
    var messages: [WebSocketMessage] = []
    var pings: [[UInt8]] = []
    var pongs: [[UInt8]] = []
    var end: ReadResult.End?

    var violation: ProtocolViolation? {
        if case .violation(let violation) = end { violation } else { nil }
    }

    var close: CloseFrame? {
        if case .close(let frame) = end { frame } else { nil }
    }

    var description: String {
        "messages \(messages.map { "\($0.kind) \($0.payload.count)" }), pings \(pings), pongs \(pongs), "
            + "end \(end.map { "\($0)" } ?? "none")"
    }
}

extension MessageReader {
    /// Gives the reader `chunks` one after another, each from memory of its own that is overwritten afterwards.
    mutating func readAll(_ chunks: [ArraySlice<UInt8>]) -> Received {
        var received = Received()
        var result = ReadResult()
        for chunk in chunks {
            var bytes = Array(chunk)
            _ = bytes.withUnsafeMutableBytes { read($0, into: &result) }
            for index in bytes.indices { bytes[index] = 0xEE }
            received.messages += result.messages
            received.pings += result.pings.map(Array.init)
            received.pongs += result.pongs.map(Array.init)
            if received.end == nil { received.end = result.end }
            result.removeAll()
        }
        return received
    }

    static func read(
        _ bytes: [UInt8], role: Role, limit: Int = 1 << 20, cutAt cuts: [Int] = []
    ) -> Received {
        var reader = MessageReader(role: role, maximumMessageSize: limit)
        let edges = [0] + cuts + [bytes.count]
        return reader.readAll(zip(edges, edges.dropFirst()).map { bytes[$0..<$1] })
    }
}
