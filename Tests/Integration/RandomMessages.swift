import Foundation
import LibWebSockets
import Testing
import WebSocketTesting

/// Endless random messages, text and binary. The same seed gives the same messages: a reader makes again what a sender
/// sent, instead of keeping it.
///
/// The first sizes are those at which the form of a frame's length changes (RFC 6455 section 5.2), and both limits. The
/// others are drawn log-uniformly, as many of 1 to 10 bytes as of 100,000 to 1,000,000: with a limit of 1 MiB that is 76 kB
/// on average, `limit / ln(limit)`. The content is cut from a pool of random bytes, or of random text with scalars of every
/// length.
struct RandomMessages {
    struct Message {
        let kind: WebSocketMessage.Kind
        let bytes: ArraySlice<UInt8>

        func equals(_ message: WebSocketMessage) -> Bool {
            guard kind == message.kind, bytes.count == message.payload.count else { return false }
            // `==` of collections takes the bytes one by one in a debug build.
            return bytes.withUnsafeBytes { mine in
                message.payload.withUnsafeBytes { theirs in
                    guard let left = mine.baseAddress, let right = theirs.baseAddress else { return mine.isEmpty }
                    return memcmp(left, right, mine.count) == 0
                }
            }
        }
    }

    /// The way in which a message goes out, given its number.
    typealias Sender = @Sendable (WebSocket, Message, _ number: Int) async throws -> Void

    private var generator: SeededGenerator
    private let maximumSize: Int
    private var boundaries: [Int]

    init(seed: UInt64, maximumSize: Int) {
        generator = SeededGenerator(seed: seed)
        self.maximumSize = maximumSize
        boundaries = [maximumSize, 65_536, 65_535, 127, 126, 125, 1, 0].filter { $0 <= maximumSize }
    }

    mutating func next() -> Message {
        let size = boundaries.popLast() ?? randomSize()
        return Bool.random(using: &generator) ? binary(size) : text(size)
    }

    private mutating func randomSize() -> Int {
        let exponent = Double.random(in: 0...log(Double(maximumSize) + 1), using: &generator)
        return min(Int(exp(exponent)), maximumSize + 1) - 1
    }

    private mutating func binary(_ size: Int) -> Message {
        let start = Int.random(in: 0...(Pool.binary.count - size), using: &generator)
        return Message(kind: .binary, bytes: Pool.binary[start..<start + size])
    }

    /// Up to three bytes shorter, so as to end where a scalar ends.
    private mutating func text(_ size: Int) -> Message {
        func isContinuation(_ index: Int) -> Bool { index < Pool.text.count && Pool.text[index] & 0xC0 == 0x80 }
        var start = Int.random(in: 0...(Pool.text.count - size), using: &generator)
        while isContinuation(start) { start -= 1 }
        var end = start + size
        while isContinuation(end) { end -= 1 }
        return Message(kind: .text, bytes: Pool.text[start..<end])
    }

    private enum Pool {
        static let size = 6 << 20

        static let binary: [UInt8] = {
            var generator = SeededGenerator(seed: 1)
            var words = [UInt64](repeating: 0, count: size / 8)
            for index in words.indices { words[index] = generator.next() }
            return words.withUnsafeBytes { Array($0) }
        }()

        static let text: [UInt8] = {
            var generator = SeededGenerator(seed: 2)
            let scalars: [ClosedRange<UInt32>] = [0x00...0x7F, 0x80...0x7FF, 0x800...0xD7FF, 0x1_0000...0x10_FFFF]
            var text = String.UnicodeScalarView()
            for _ in 0..<1 << 16 {
                let range = scalars[Int.random(in: 0..<scalars.count, using: &generator)]
                // No scalar of these ranges is a surrogate.
                Unicode.Scalar(UInt32.random(in: range, using: &generator)).map { text.append($0) }
            }
            let piece = Array(String(text).utf8)
            return Array(repeatElement(piece, count: size / piece.count + 1).joined())
        }()
    }
}

extension WebSocket {
    /// Sends random messages and reads, at the same time, what comes back, which must be the same.
    ///
    /// - Parameters:
    ///   - shape: Makes a message another one by its number, for both sides.
    ///   - send: Sends the message with a number.
    /// - Returns: The number of bytes that came back.
    @discardableResult
    func exchange(
        _ count: Int, seed: UInt64, maximumSize: Int,
        shape: @escaping @Sendable (RandomMessages.Message, Int) -> RandomMessages.Message = { message, _ in message },
        send: @escaping RandomMessages.Sender = { socket, message, _ in try await socket.send(message) }
    ) async throws -> Int {
        async let sending: Void = {
            var messages = RandomMessages(seed: seed, maximumSize: maximumSize)
            for number in 0..<count { try await send(self, shape(messages.next(), number), number) }
        }()
        var expected = RandomMessages(seed: seed, maximumSize: maximumSize)
        var (received, bytes) = (0, 0)
        for try await message in messages {
            let next = shape(expected.next(), received)
            try #require(next.equals(message), "message \(received) of \(next.bytes.count) bytes differs")
            received += 1
            bytes += message.payload.count
            if received == count { break }
        }
        try await sending
        #expect(received == count)
        return bytes
    }

    /// Sends one message in pieces.
    func send(_ message: RandomMessages.Message, inPiecesOf size: Int) async throws {
        try await sendMessage(message.kind) { writer in
            var rest = message.bytes
            while !rest.isEmpty {
                try await writer.write(rest.prefix(size))
                rest = rest.dropFirst(size)
            }
        }
    }

    func send(_ message: RandomMessages.Message) async throws {
        switch message.kind {
        case .text: try await send(String(decoding: message.bytes, as: UTF8.self))
        case .binary: try await send(message.bytes)
        }
    }
}
