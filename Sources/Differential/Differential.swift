import Foundation
import WebSocketProtocol

/// Answers questions about bytes, so that a program in another language can compare: `scripts/differential` starts it.
///
/// A question on standard input, and its answer on standard output, is a length of four bytes (little-endian, as all
/// numbers here) and that many bytes. A question begins with what is asked:
/// - `E`: encode. A ``Setup``; the frames: opcode, FIN, whether the message is compressed, length in four bytes, payload. The
///   answer is what goes to the peer.
/// - `D`: decode. A ``Setup``; how the bytes are cut; what the peer sends. The answer is what was received: an opcode, a length
///   in four bytes and a payload each; 255 and a close code in two bytes for a broken rule, with its description.
/// - `R`, `Q`: the head of a response to an opening handshake, or of a request. The answer is JSON, see ``Head``.
@main
struct Differential {
    static func main() throws {
        let (input, output) = (FileHandle.standardInput, FileHandle.standardOutput)
        while let length = try input.read(upToCount: 4), length.count == 4 {
            var prefix = Question(Array(length))
            guard let body = try input.read(upToCount: prefix.number()) else { throw Question.Cut() }
            var question = Question(Array(body))
            let answer: [UInt8]
            switch question.byte() {
            case UInt8(ascii: "E"): answer = try encode(&question)
            case UInt8(ascii: "D"): answer = try decode(&question)
            case UInt8(ascii: "R"): answer = try JSONEncoder().encode(Head(response: question.rest)).map { $0 }
            default: answer = try JSONEncoder().encode(Head(request: question.rest)).map { $0 }
            }
            try output.write(contentsOf: Data(bytes(of: UInt32(answer.count)) + answer))
        }
    }

    private static func bytes(of number: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }

    private static func encode(_ question: inout Question) throws -> [UInt8] {
        let setup = Setup(&question)
        let keys = MaskingKeySource(
            RandomByteSource { bytes in
                for index in bytes.indices { bytes[index] = UInt8.random(in: .min ... .max) }
            })
        var encoder = FrameEncoder(role: setup.role, maskingKeys: keys)
        var deflater = setup.parameters?.makeDeflater(role: setup.role, options: setup.options)
        let buffer = FrameBuffer()
        var isContinued = false
        while !question.rest.isEmpty {
            guard let opcode = Opcode(rawValue: question.byte()) else { throw Question.Cut() }
            let (fin, isCompressed) = (question.flag(), question.flag())
            let payload = question.bytes(question.number())
            if isCompressed, !opcode.isControl, deflater != nil {
                try payload.withUnsafeBytes { bytes in
                    guard let compressed = try deflater?.deflate(bytes, endsMessage: fin) else { return }
                    try encoder.encode(opcode, payload: compressed, fin: fin, rsv1: !isContinued, into: buffer)
                }
                deflater?.recycleOutput()
            } else {
                try encoder.encode(opcode, payload: payload, fin: fin, into: buffer)
            }
            if !opcode.isControl { isContinued = !fin }
        }
        return Array(buffer.bytes)
    }

    private static func decode(_ question: inout Question) throws -> [UInt8] {
        let setup = Setup(&question)
        let cut = 1 + Int(question.byte())
        var reader = MessageReader(
            role: setup.role, maximumMessageSize: 1 << 24,
            inflater: setup.parameters?.makeInflater(role: setup.role))
        var answer: [UInt8] = []
        func add(_ kind: UInt8, _ payload: some Collection<UInt8>) {
            answer += [kind] + bytes(of: UInt32(payload.count)) + payload
        }
        var result = ReadResult()
        while !question.rest.isEmpty {
            // Small pieces first, then what is left: both ways of reading are used.
            var piece = question.bytes(
                question.rest.count > 20_000 ? question.rest.count : min(cut * 7, question.rest.count))
            _ = piece.withUnsafeMutableBytes { reader.read($0, into: &result) }
            for message in result.takeMessages() { add(Opcode(message.kind).rawValue, message.payload) }
            for ping in result.pings { add(Opcode.ping.rawValue, ping) }
            for pong in result.pongs { add(Opcode.pong.rawValue, pong) }
            switch result.end {
            case .close(let frame)?: add(Opcode.close.rawValue, frame.payload)
            case .violation(let violation)?:
                add(255, bytes(of: violation.closeCode.rawValue) + Array("\(violation)".utf8))
            case nil: break
            }
            result.removeAll()
        }
        return answer
    }
}
