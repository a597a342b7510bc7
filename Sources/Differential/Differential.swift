import Foundation
import HTTPTypes
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

/// The bytes of a question, taken off from the front.
struct Question {
    struct Cut: Error {}

    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }
    mutating func flag() -> Bool { byte() != 0 }

    mutating func number() -> Int {
        (0..<4).reduce(0) { number, index in number | Int(byte()) << (8 * index) }
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }
}

/// Our side of a connection: whether it is the server, whether messages can be compressed, what was agreed on
/// (`server_no_context_takeover`, `client_no_context_takeover`, and the two limits, 0 for none), and our options: level, memory
/// level, window bits, context takeover. A byte each.
struct Setup {
    let role: Role
    let parameters: DeflateParameters?
    let options: WebSocketCompression.DeflateOptions

    init(_ question: inout Question) {
        role = question.flag() ? .server : .client
        let isCompressed = question.flag()
        var parameters = DeflateParameters()
        parameters.serverNoContextTakeover = question.flag()
        parameters.clientNoContextTakeover = question.flag()
        let (serverBits, clientBits) = (Int(question.byte()), Int(question.byte()))
        parameters.serverMaxWindowBits = serverBits == 0 ? nil : serverBits
        parameters.clientMaxWindowBits = clientBits == 0 ? nil : clientBits
        self.parameters = isCompressed ? parameters : nil
        options = WebSocketCompression.DeflateOptions(
            level: Int(question.byte()), memoryLevel: Int(question.byte()), windowBits: Int(question.byte()),
            contextTakeover: question.flag())
    }
}

/// The verdict of our parser on a head.
struct Head: Encodable {
    /// `head`, `incomplete` or `violation`.
    private var outcome: String
    /// The broken rule.
    private var rule: String?
    private var status: Int?
    private var reason: String?
    private var method: String?
    private var target: String?
    /// Names, and values in hexadecimal.
    private var headers: [[String]] = []

    init(response bytes: ArraySlice<UInt8>) {
        var parser = ResponseParser(to: .upgrade)
        outcome = "incomplete"
        do throws(HTTPViolation) {
            let progress = try bytes.withUnsafeBufferPointer { bytes throws(HTTPViolation) in
                try parser.receive(UnsafeRawBufferPointer(bytes))
            }
            let head: ResponseHead? =
                switch progress {
                case .needsMoreBytes: parser.finish()?.head
                case .switched(let head, _): head
                case .refused(let response): response.head
                }
            guard let head else { return }
            outcome = "head"
            status = head.status.code
            reason = head.status.reasonPhrase
            take(head.headers)
        } catch {
            outcome = "violation"
            rule = String("\(error.rule)".prefix { $0 != "(" })
        }
    }

    init(request bytes: ArraySlice<UInt8>) {
        var parser = UpgradeRequestParser()
        outcome = "incomplete"
        do throws(UpgradeRejection) {
            let progress = try bytes.withUnsafeBufferPointer { bytes throws(UpgradeRejection) in
                try parser.parse(UnsafeRawBufferPointer(bytes))
            }
            guard case .complete(let head, _) = progress else { return }
            outcome = "head"
            method = head.method
            target = head.target
            take(head.headers)
        } catch {
            outcome = "violation"
            rule = error.message
        }
    }

    private mutating func take(_ fields: HTTPFields) {
        headers = fields.map { field in
            let value = field.withUnsafeBytesOfValue { bytes in
                bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            }
            return [field.name.rawName, value]
        }
    }
}
