import HTTPTypes
import WebSocketTesting

@testable import WebSocketProtocol

/// The result of a response parser, in a form that does not depend on how the bytes were cut.
enum Answer: Equatable {
    /// `rest`: what was not consumed.
    case switched(ResponseHead, rest: [UInt8])
    /// `isEarly`: before the stream had ended.
    case refused(RefusedResponse, isEarly: Bool)
    case violation(HTTPViolation)
    /// The stream ended before the head did.
    case nothing(isWithinHead: Bool)

    var refused: RefusedResponse? {
        if case .refused(let response, _) = self { response } else { nil }
    }

    var head: ResponseHead? {
        switch self {
        case .switched(let head, _): head
        case .refused(let response, _): response.head
        case .violation, .nothing: nil
        }
    }

    var violation: HTTPViolation? {
        if case .violation(let violation) = self { violation } else { nil }
    }

    /// The same, with nothing in it that depends on how much had arrived when another protocol was recognised.
    var withoutExcerpt: Answer {
        if case .notHTTP = violation?.rule { .violation(HTTPViolation(.notHTTP(""))) } else { self }
    }

    /// The fields that a head holds besides its status, which `==` of `HTTPFields` does not compare in full.
    var lines: [String]? {
        head.map { head in
            ["\(head.minorVersion) \(head.status.code) \(head.status.reasonPhrase)"]
                + head.headers.map { field in
                    "\(field.name.rawName):\(field.withUnsafeBytesOfValue { HeaderSyntax.latin1($0) })"
                }
        }
    }
}

extension ResponseParser {
    /// Reads `bytes` cut at `cuts`, each piece from memory of its own that is overwritten afterwards, then the end of the
    /// stream.
    static func read(
        _ bytes: [UInt8], to request: Request = .upgrade, maximumHeadSize: Int = defaultMaximumHeadSize,
        maximumBodySize: Int = defaultMaximumBodySize, cutAt cuts: [Int] = []
    ) -> Answer {
        var parser = ResponseParser(to: request, maximumHeadSize: maximumHeadSize, maximumBodySize: maximumBodySize)
        let edges = [0] + cuts + [bytes.count]
        for (start, end) in zip(edges, edges.dropFirst()) {
            var piece = Array(bytes[start..<end])
            defer { for index in piece.indices { piece[index] = 0xEE } }
            do throws(HTTPViolation) {
                let progress = try piece.withUnsafeBufferPointer { buffer throws(HTTPViolation) in
                    try parser.receive(UnsafeRawBufferPointer(buffer))
                }
                switch progress {
                case .needsMoreBytes: continue
                case .switched(let head, let consumed):
                    return .switched(head, rest: Array(piece[consumed...]) + bytes[end...])
                case .refused(let response): return .refused(response, isEarly: true)
                }
            } catch {
                return .violation(error)
            }
        }
        let isWithinHead = parser.isWithinHead
        return parser.finish().map { .refused($0, isEarly: false) } ?? .nothing(isWithinHead: isWithinHead)
    }

    static func read(_ text: String, to request: Request = .upgrade, cutAt cuts: [Int] = []) -> Answer {
        read(Array(text.utf8), to: request, cutAt: cuts)
    }
}

extension SeededGenerator {
    /// Up to `maximum` places in a text of `count` bytes, in order.
    mutating func cuts(_ count: Int, maximum: Int) -> [Int] {
        (0..<Int.random(in: 0...maximum, using: &self)).map { _ in Int.random(in: 0...count, using: &self) }.sorted()
    }

    /// `bytes` with a few of them changed, doubled, removed, moved, or replaced by what parsers stumble over.
    mutating func mutate(_ bytes: [UInt8]) -> [UInt8] {
        let fragments = [
            "\r\n", "\n", "\r", "\r\n\r\n", "\n\n", " ", "\t", ":", ";", ",", "\0", "\u{7F}", "HTTP/1.1 ", "101",
            "100 ",
            "204", "Content-Length: ", "Transfer-Encoding: chunked\r\n", "ffffffff", "80000000", "0", "-1",
            "10000000000000000", "99999999999999999999", "\r\n ", "é", "HTTP/1.0 ", "Host: ", "#", "*", "GET ",
        ]
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &self) {
            let start = Int.random(in: 0...bytes.count, using: &self)
            let end = min(bytes.count, start + Int.random(in: 0...8, using: &self))
            switch Int.random(in: 0..<6, using: &self) {
            case 0: bytes.removeSubrange(start..<end)
            case 1: bytes.insert(contentsOf: bytes[start..<end], at: Int.random(in: 0...bytes.count, using: &self))
            case 2: for index in start..<end { bytes[index] = .random(in: .min ... .max, using: &self) }
            case 3: if start < bytes.count { bytes[start] ^= 1 << UInt8.random(in: 0..<8, using: &self) }
            case 4: bytes.removeSubrange(start...)
            default: bytes.insert(contentsOf: fragments.randomElement(using: &self)!.utf8, at: start)
            }
        }
        return bytes
    }
}
