import Testing
import WebSocketTesting

@testable import WebSocketProtocol

@Suite struct DeflaterTests {
    private static let text = Array("The quick brown fox jumps over the lazy dog, again and again and again.".utf8)

    @Test("The examples of RFC 7692 section 7.2.3 are written byte for byte") func rfcExamples() throws {
        var deflater = Deflater.make()
        #expect(try deflater.compress("Hello".utf8) == [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
        #expect(try deflater.compress("Hello".utf8) == [0xF2, 0x00, 0x11, 0x00, 0x00])
        #expect(try deflater.compress([]) == [0x00])

        var forgetful = Deflater.make(keepsContext: false)
        for _ in 0..<2 {
            #expect(try forgetful.compress("Hello".utf8) == [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
        }
    }

    @Test("An empty message is one byte, at whatever point it comes") func emptyMessageIsOneByte() throws {
        var deflater = Deflater.make()
        let inflater = Inflater(windowBits: 15, keepsContext: true)
        for message in [[], [], Self.text, [], [], Self.text] {
            let compressed = try deflater.compress(message)
            #expect(compressed.count == 1 || !message.isEmpty)
            #expect(try inflater.restore(compressed) == message)
        }
    }

    @Test("Each piece of a message can be restored before the next one is made") func piecesCanBeRestored() throws {
        var deflater = Deflater.make()
        let inflater = Inflater(windowBits: 15, keepsContext: true)
        var output: [UInt8] = []
        for end in [10, 10, 11, 40, Self.text.count] {
            let piece = try deflater.compress(Self.text[output.count..<end], endsMessage: false)
            try piece.withUnsafeBytes { try inflater.inflate($0, into: &output, limit: 1000) }
            #expect(output == Array(Self.text[..<end]))
        }
        let last = try deflater.compress([])
        #expect(last == [0])
        try last.withUnsafeBytes { try inflater.inflate($0, into: &output, limit: 1000) }
        try inflater.finishMessage(into: &output, limit: 1000)
        #expect(output == Self.text)
        #expect(try inflater.restore(try deflater.compress(Self.text)) == Self.text)
    }

    @Test("A later message refers to an earlier one within the window only") func referencesStayInWindow() throws {
        var generator = SeededGenerator(seed: 1)
        let (first, between) = (generator.bytes(400), generator.bytes(700))
        // After 1,100 bytes, `first` is out of a window of 512 bytes and inside one of 2,048.
        for (windowBits, isInWindow) in [(9, false), (10, false), (11, true), (15, true)] {
            var deflater = Deflater.make(windowBits: windowBits)
            for message in [first, between] { _ = try deflater.compress(message) }
            #expect((try deflater.compress(first).count < 100) == isInWindow, "window of \(windowBits) bits")
        }
    }

    @Test("After a reset the peer needs nothing of what came before") func resetNeedsNothingBefore() throws {
        var deflater = Deflater.make()
        _ = try deflater.compress(Self.text)
        deflater.reset()
        let afterwards = try deflater.compress(Self.text)
        #expect(try Inflater(windowBits: 15, keepsContext: true).restore(afterwards) == Self.text)
    }

    @Test("What cannot be compressed grows by a few bytes in ten thousand") func incompressibleGrowsLittle() throws {
        var generator = SeededGenerator(seed: 2)
        let noise = generator.bytes(1 << 20)
        var deflater = Deflater(windowBits: 9, level: 6, memoryLevel: 1, keepsContext: true)
        #expect(try deflater.compress(noise).count < noise.count + noise.count / 20)
        var larger = Deflater(windowBits: 15, level: 6, memoryLevel: 8, keepsContext: true)
        #expect(try larger.compress(noise).count < noise.count + noise.count / 1_000)
    }

    @Test("Settings that zlib does not know are an error and no trap") func unknownSettingsAreAnError() throws {
        var deflater = Deflater(windowBits: 8, level: 6, memoryLevel: 8, keepsContext: true)
        let failure = #expect(throws: DeflateFailure.self) { try deflater.compress([1]) }
        #expect(failure?.description == "zlib cannot compress: stream error (-2)")
    }
}
