import Testing
import WebSocketTesting

@testable import WebSocketProtocol

/// Both ends of the extension together: negotiation, compressor, frames, reader and decompressor.
@Suite("Both ends of the compression together") struct DeflateRoundTripTests {
    typealias Options = WebSocketCompression.DeflateOptions

    /// One side's sending, the other side's receiving, after a negotiation between the two.
    private struct Link: ~Copyable {
        let sender: Role
        var deflater: Deflater?
        var encoder: FrameEncoder
        var reader: MessageReader
        let buffer = FrameBuffer()

        init(from sender: Role, client: Options, server: Options, limit: Int = 1 << 20) throws {
            let offer = DeflateParameters(offering: client).offer
            let onServer = try #require(DeflateParameters(accepting: [offer], options: server))
            let onClient = try #require(try DeflateParameters(agreed: [onServer.answer], offered: [offer]))
            let receiver: Role = sender == .client ? .server : .client
            self.sender = sender
            deflater = (sender == .client ? onClient : onServer)
                .makeDeflater(role: sender, options: sender == .client ? client : server)
            encoder = FrameEncoder(role: sender, maskingKeys: MaskingKeySource(.seeded(7)))
            reader = MessageReader(
                role: receiver, maximumMessageSize: limit,
                inflater: (sender == .client ? onServer : onClient).makeInflater(role: receiver))
        }

        /// - Parameter fragmentSizes: Of the payload before it is compressed; what is left makes the last fragment.
        mutating func send(
            _ message: WebSocketMessage, fragmentSizes: [Int] = [], isCompressed: Bool = true
        ) throws {
            var rest = message.payload
            var opcode = Opcode(message.kind)
            for size in fragmentSizes + [rest.count] {
                let piece = Array(rest.prefix(size))
                rest = rest.dropFirst(size)
                let endsMessage = rest.isEmpty
                let payload =
                    isCompressed ? try #require(try deflater?.compress(piece, endsMessage: endsMessage)) : piece
                try encoder.encode(
                    opcode, payload: payload, fin: endsMessage, rsv1: isCompressed && opcode != .continuation,
                    into: buffer)
                if endsMessage { break }
                opcode = .continuation
            }
        }

        /// Gives the reader everything sent so far, cut at random.
        mutating func receive(_ generator: inout SeededGenerator) -> Received {
            let bytes = Array(UnsafeRawBufferPointer(buffer.bytes))
            buffer.removeAll()
            var chunks: [ArraySlice<UInt8>] = []
            var start = 0
            while start < bytes.count {
                let end = min(bytes.count, start + Int.random(in: 1...5_000, using: &generator))
                chunks.append(bytes[start..<end])
                start = end
            }
            return reader.readAll(chunks)
        }
    }

    private static func message(_ generator: inout SeededGenerator) -> WebSocketMessage {
        let size = Int.random(in: 0...(1 << Int.random(in: 0...15, using: &generator)), using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: return .binary(generator.bytes(size))
        case 1: return .binary(repeatElement(UInt8.random(in: 0...255, using: &generator), count: size))
        default:
            let words = ["wire", "späť", "日本語", "🙂", "{\"id\":"]
            var text = ""
            while text.utf8.count < size { text += words.randomElement(using: &generator) ?? "" }
            return .text(text)
        }
    }

    @Test(
        "What one side compresses, the other restores, however it is fragmented and cut",
        arguments: Role.allCases,
        [
            Options(), Options(level: 1, memoryLevel: 1, windowBits: 9, peerWindowBits: 9),
            Options(level: 9, memoryLevel: 9, windowBits: 15), Options(windowBits: 10, contextTakeover: false),
            Options(windowBits: 15, peerContextTakeover: false),
            Options(contextTakeover: false, peerContextTakeover: false),
        ])
    func compressedIsRestored(
        sender: Role, options: Options
    ) throws {
        for seed in 0..<2 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            for peer in [Options(), options] {
                var link = try Link(
                    from: sender, client: sender == .client ? options : peer, server: sender == .client ? peer : options
                )
                for _ in 0..<10 {
                    var sent: [WebSocketMessage] = []
                    for _ in 0..<Int.random(in: 1...5, using: &generator) {
                        let message = Self.message(&generator)
                        let fragments = (0..<Int.random(in: 0...3, using: &generator)).map { _ in
                            Int.random(in: 0...3_000, using: &generator)
                        }
                        try link.send(
                            message, fragmentSizes: fragments,
                            isCompressed: Int.random(in: 0..<4, using: &generator) > 0)
                        sent.append(message)
                    }
                    let received = link.receive(&generator)
                    #expect(received.end == nil)
                    let isIntact = received.messages == sent
                    #expect(isIntact)
                }
            }
        }
    }

    @Test("Context takeover makes repeated messages small, and giving it up does not")
    func takeoverMakesRepeatsSmall() throws {
        let text = WebSocketMessage.text(#"{"type":"trade","symbol":"BTCUSDT","price":"60000.01","quantity":"0.5"}"#)
        for (options, isSmall) in [(Options(), true), (Options(contextTakeover: false), false)] {
            for sender in Role.allCases {
                var link = try Link(from: sender, client: options, server: options)
                try link.send(text)
                link.buffer.removeAll()
                try link.send(text)
                #expect((link.buffer.count < 20) == isSmall)
            }
        }
    }

    @Test("One message larger than the limit ends the connection, and those before it arrive", arguments: Role.allCases)
    func tooLargeMessageEnds(sender: Role) throws {
        var generator = SeededGenerator(seed: 9)
        var link = try Link(from: sender, client: Options(), server: Options(), limit: 1_000)
        try link.send(.binary(repeatElement(1, count: 1_000)))
        try link.send(.binary(repeatElement(2, count: 1_001)))
        let received = link.receive(&generator)
        #expect(received.messages == [.binary(repeatElement(1, count: 1_000))])
        #expect(received.violation?.rule == .messageTooBig(size: nil, limit: 1_000))
    }
}
