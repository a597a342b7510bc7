import LibC
import CZlib
import Testing
import WebSocketTesting

@testable import WebSocketProtocol

@Suite struct InflaterTests {
    private static let hello = Array("Hello".utf8)
    /// "Hello, " in a final block, and "Hello, you." in a block that refers to it. Made by Python's zlib.
    private static let final: [UInt8] = [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0xD7, 0x51, 0x00, 0x00]
    private static let referring: [UInt8] = [0xF2, 0x80, 0x50, 0x95, 0xF9, 0xA5, 0x7A, 0x00, 0x00]

    @Test(
        "Payloads are restored wherever they are cut, and what follows does not suffer",
        arguments: [
            ("one block (RFC 7692 section 7.2.3.1)", [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], hello),
            (
                "a block without compression (7.2.3.3)",
                [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00], hello
            ),
            ("a final block (7.2.3.4)", [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00], hello),
            (
                "two blocks (7.2.3.5)",
                [0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00], hello
            ),
            ("empty (7.2.3.6)", [0x00], []),
            ("empty, as a block of the fixed kind", [0x02, 0x00], []),
            ("a final block and more in one message", final + referring, Array("Hello, Hello, you.".utf8)),
            ("two final blocks", final + final + [0x00], Array("Hello, Hello, ".utf8)),
            // Not what the RFC asks for, but sent, and without a doubt about what is meant.
            ("a final block without the byte after it", [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], hello),
            ("empty, as no byte at all", [], []),
        ] as [(String, [UInt8], [UInt8])])
    func payloadsAreRestored(
        name: String, payload: [UInt8], expected: [UInt8]
    ) throws {
        for keepsContext in [true, false] {
            let inflater = Inflater(windowBits: 15, keepsContext: keepsContext)
            for cut in 0...payload.count {
                let message = try inflater.restore(Array(payload[..<cut]), Array(payload[cut...]))
                #expect(message == expected, "cut at \(cut)")
            }
        }
    }

    @Test("A message may refer to an earlier one (RFC 7692 section 7.2.3.2)") func messageMayReferToEarlier() throws {
        let inflater = Inflater(windowBits: 15, keepsContext: true)
        #expect(try inflater.restore([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]) == Self.hello)
        #expect(try inflater.restore([0xF2, 0x00, 0x11, 0x00, 0x00]) == Self.hello)
    }

    @Test("A final block does not end the context") func finalBlockKeepsContext() throws {
        let inflater = Inflater(windowBits: 15, keepsContext: true)
        #expect(try inflater.restore(Self.final + [0x00]) == Array("Hello, ".utf8))
        #expect(try inflater.restore(Self.referring) == Array("Hello, you.".utf8))
        #expect(try inflater.restore(Self.final) == Array("Hello, ".utf8))
        #expect(try inflater.restore(Self.referring) == Array("Hello, you.".utf8))
    }

    @Test("A peer that goes on using the context it gave up is refused") func contextGivenUpIsRefused() throws {
        let inflater = Inflater(windowBits: 15, keepsContext: false)
        var deflater = Deflater.make()
        let text = Array("Hello, Hello, Hello".utf8)
        #expect(try inflater.restore(try deflater.compress(text)) == text)
        expect("invalid distance too far back (-3)") { try inflater.restore(try deflater.compress(text)) }
    }

    @Test("A peer that looks back further than agreed is refused") func tooFarLookBackIsRefused() throws {
        var generator = SeededGenerator(seed: 3)
        let (first, between) = (generator.bytes(400), generator.bytes(700))
        for (windowBits, isAccepted) in [(15, true), (11, true), (10, false), (9, false), (8, false)] {
            let inflater = Inflater(windowBits: windowBits, keepsContext: true)
            var deflater = Deflater.make()
            for message in [first, between] {
                #expect(try inflater.restore(try deflater.compress(message)) == message)
            }
            let again = try deflater.compress(first)
            if isAccepted {
                #expect(try inflater.restore(again) == first)
            } else {
                expect("invalid distance too far back (-3)") { try inflater.restore(again) }
            }
        }
    }

    @Test(
        "What is no DEFLATE stream is refused",
        arguments: [
            ("a reserved block type", [0x06, 0x00], "invalid block type (-3)"),
            (
                "a stored block with a wrong length", [0x00, 0x05, 0x00, 0x00, 0x00],
                "invalid stored block lengths (-3)"
            ),
            ("a reference to what never was", referring, "invalid distance too far back (-3)"),
            ("code lengths that make no code", [0x04, 0x00, 0xFE, 0xFF], "invalid"),
            ("half of a block", [0xF2, 0x48, 0xCD], "it ends inside a DEFLATE block"),
            ("a stored block cut short", [0x00, 0x06, 0x00, 0xF9, 0xFF, 0x48], "it ends inside a DEFLATE block"),
            ("the tail left in place", [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00, 0x00, 0xFF, 0xFF], "it ends"),
        ] as [(String, [UInt8], String)])
    func notDEFLATEIsRefused(name: String, payload: [UInt8], text: String) {
        expect(text) { try Inflater(windowBits: 15, keepsContext: true).restore(payload) }
    }

    // MARK: - Bombs

    @Test("A message of just the limit is accepted, and one byte more is not")
    func messageOfTheLimitIsAccepted() throws {
        for size in [1, 100, 32 << 10, (32 << 10) + 1, 1 << 20] {
            var deflater = Deflater.make()
            let payload = try deflater.compress(repeatElement(7, count: size))
            let restored = try Inflater(windowBits: 15, keepsContext: true).restore(payload, limit: size)
            #expect(restored.count == size)
            let violation = #expect(throws: ProtocolViolation.self) {
                try Inflater(windowBits: 15, keepsContext: true).restore(payload, limit: size - 1)
            }
            #expect(violation?.rule == .messageTooBig(size: nil, limit: size - 1))
            #expect(violation?.closeCode == .messageTooBig)
        }
    }

    @Test("A bomb is refused at the limit and never stored: 1 MiB that inflates to 1 GiB")
    func bombIsRefusedAtLimit() throws {
        var deflater = Deflater.make()
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        let first = try deflater.compress(zeros, endsMessage: false)
        // With zeros in the window, each further MiB compresses to the same bytes.
        let next = try deflater.compress(zeros, endsMessage: false)
        #expect(try deflater.compress(zeros, endsMessage: false) == next)
        let bomb = first + repeatElement(next, count: 1023).joined()
        #expect((900 << 10...1100 << 10).contains(bomb.count))

        let limit = 4 << 20
        var output: [UInt8] = []
        let inflater = Inflater(windowBits: 15, keepsContext: true)
        let violation = #expect(throws: ProtocolViolation.self) {
            try bomb.withUnsafeBytes { try inflater.inflate($0, into: &output, limit: limit) }
        }
        #expect(violation?.rule == .messageTooBig(size: nil, limit: limit))
        #expect(output.count <= limit)
        #expect(output.capacity <= 2 * limit)
        #expect(violation?.description.contains("inflates beyond the limit of 4194304 bytes") == true)
    }

    @Test("A hundred thousand final blocks with nothing in them are an empty message")
    func manyFinalBlocksAreEmptyMessage() throws {
        let blocks = [UInt8](repeatElement([0x03, 0x00], count: 100_000).joined())
        let inflater = Inflater(windowBits: 15, keepsContext: true)
        #expect(try inflater.restore([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]) == Self.hello)
        #expect(try inflater.restore(blocks) == [])
        #expect(try inflater.restore([0xF2, 0x00, 0x11, 0x00, 0x00]) == Self.hello)
    }

    // MARK: - Failures of this side

    @Test("A lack of memory is this side's failure, whenever it comes, and not the peer's")
    func lackOfMemoryIsOurFailure() {
        // The state of a stream takes 7 KiB, its window 32.
        for (name, allocate) in [
            ("from the beginning", { _, _, _ in nil }),
            ("for the window", { _, count, size in count * size < 32 << 10 ? calloc(Int(count), Int(size)) : nil }),
        ] as [(String, alloc_func)] {
            let inflater = Inflater(windowBits: 15, keepsContext: true)
            inflater.allocate = allocate
            let violation = #expect(throws: ProtocolViolation.self) {
                try inflater.restore([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
            }
            #expect(violation?.rule == .inflaterFailed("insufficient memory (-4)"), "\(name)")
            #expect(violation?.closeCode == .internalError)
            #expect(
                violation?.description
                    == "This side failed: zlib cannot inflate a compressed message: insufficient memory (-4) "
                    + "(RFC 7692 section 7.2.2).")
        }
    }

    // MARK: - Damage

    @Test("Damaged streams end in a message or in a violation", arguments: 0..<20 as Range<UInt64>)
    func damagedStreamsEnd(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let text = (0..<400).flatMap { _ in Array("word\(Int.random(in: 0..<50, using: &generator)) ".utf8) }
        var deflater = Deflater.make()
        let intact = try deflater.compress(text)
        var violations = 0
        for _ in 0..<200 {
            var payload = intact
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                payload[Int.random(in: 0..<payload.count, using: &generator)] ^=
                    1 << UInt8.random(in: 0..<8, using: &generator)
            }
            if Bool.random(using: &generator) {
                payload.removeLast(Int.random(in: 0..<payload.count, using: &generator))
            }
            do {
                let restored = try Inflater(windowBits: 15, keepsContext: true).restore(payload, limit: 10_000)
                #expect(restored.count <= 10_000)
            } catch let error as ProtocolViolation {
                violations += 1
                #expect(error.closeCode == .invalidFramePayloadData || error.closeCode == .messageTooBig)
            }
        }
        #expect(violations > 100)
    }

    private func expect(
        _ text: String, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> [UInt8]
    ) {
        let violation = #expect(throws: ProtocolViolation.self, sourceLocation: sourceLocation) { try body() }
        #expect(
            violation?.description.contains("compressed message cannot be inflated: \(text)") == true,
            "\(violation?.description ?? "")", sourceLocation: sourceLocation)
        #expect(violation?.closeCode == .invalidFramePayloadData, sourceLocation: sourceLocation)
    }
}
