import Testing
import WebSocketTesting

@testable import WebSocketProtocol

@Suite struct MessageReaderTests {
    @Test(
        "Every length form arrives, whole and cut", arguments: Role.allCases,
        [0, 1, 125, 126, 127, 65535, 65536, 200_000])
    func everyLengthFormArrives(role: Role, length: Int) {
        var generator = SeededGenerator(seed: UInt64(length))
        let payload = generator.bytes(length)
        let bytes = RawFrame(.binary, payload, to: role).bytes
        let expected = Received(messages: [.binary(payload)])
        #expect(MessageReader.read(bytes, role: role) == expected)
        for cut in Array(0...min(20, bytes.count)) + [bytes.count / 2, bytes.count - 1] {
            #expect(MessageReader.read(bytes, role: role, cutAt: [cut]) == expected, "cut at \(cut)")
        }
    }

    @Test("What one side encodes, the other side reads", arguments: Role.allCases, 0..<8 as Range<UInt64>)
    func otherSideReadsWhatIsEncoded(reader: Role, seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let writer: Role = reader == .client ? .server : .client
        var encoder = FrameEncoder(role: writer, maskingKeys: MaskingKeySource(.seeded(seed)))
        let buffer = FrameBuffer()
        var expected = Received()
        for _ in 0..<150 {
            switch Int.random(in: 0..<5, using: &generator) {
            case 0:
                let payload = generator.bytes(Int.random(in: 0...125, using: &generator))
                try encoder.encode(.ping, payload: payload, into: buffer)
                expected.pings.append(payload)
            case 1:
                let text = String(repeating: "é€😀", count: Int.random(in: 0...30, using: &generator))
                try encoder.encode(.text, payload: text.utf8, into: buffer)
                expected.messages.append(.text(text))
            case 2:
                let size = 1 << Int.random(in: 0...14, using: &generator)
                let payload = generator.bytes(Int.random(in: 0...size, using: &generator))
                let cut = Int.random(in: 0...payload.count, using: &generator)
                try encoder.encode(.binary, payload: payload[..<cut], fin: false, into: buffer)
                try encoder.encode(.continuation, payload: payload[cut...], into: buffer)
                expected.messages.append(.binary(payload))
            default:
                let size = 1 << Int.random(in: 0...14, using: &generator)
                let payload = generator.bytes(Int.random(in: 0...size, using: &generator))
                try encoder.encode(.binary, payload: payload, into: buffer)
                expected.messages.append(.binary(payload))
            }
        }
        let bytes = Array(buffer.bytes)
        let cuts = (0..<40).map { _ in Int.random(in: 0...bytes.count, using: &generator) }.sorted()
        #expect(MessageReader.read(bytes, role: reader) == expected)
        #expect(MessageReader.read(bytes, role: reader, cutAt: cuts) == expected)
    }

    @Test("Messages of one read share one array of just the size of their frames") func messagesShareOneArray() {
        let bytes = (0..<1000).flatMap {
            RawFrame(.binary, [UInt8](repeating: UInt8($0 % 251), count: 64), to: .client).bytes
        }
        var reader = MessageReader(role: .client, maximumMessageSize: 1000)
        var result = ReadResult()
        var memory = bytes
        _ = memory.withUnsafeMutableBytes { reader.read($0, into: &result) }
        #expect(result.messages.count == 1000)
        #expect(result.messageByteCount == 64_000)
        // The payloads lie one behind the other in one array, with the headers between them.
        let addresses = result.messages.map { message in
            message.payload.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
        }
        #expect(zip(addresses, addresses.dropFirst()).allSatisfy { $1 - $0 == 66 })
    }

    @Test("The rest of a large message is read to where it stays, up to the end of its frame")
    func restOfLargeMessageIsReadDirectly() throws {
        let payload = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
        var bytes =
            RawFrame(.binary, payload, to: .client).bytes + RawFrame(.text, Array("next".utf8), to: .client).bytes
        var reader = MessageReader(role: .client, maximumMessageSize: 1 << 20)
        var result = ReadResult()
        #expect(reader.readDirectly(atLeast: 16_384, into: &result) { _ in 1 } == nil, "nothing is under way")
        var position = bytes.withUnsafeMutableBytes { all in
            reader.read(UnsafeMutableRawBufferPointer(rebasing: all[..<5_000]), into: &result)
        }
        var rooms: [Int] = []
        while let count = reader.readDirectly(
            atLeast: 16_384, into: &result,
            { room in
                rooms.append(room.count)
                let count = min(room.count, 60_000)
                room.copyBytes(from: bytes[position..<position + count])
                return count
            })
        {
            position += count
        }
        // The rest is too little for a read of its own, or belongs to the next frame.
        #expect(rooms == [195_010, 135_010, 75_010])
        #expect(result.messages.isEmpty)
        _ = bytes.withUnsafeMutableBytes { all in
            reader.read(UnsafeMutableRawBufferPointer(rebasing: all[position...]), into: &result)
        }
        #expect(result.messages == [.binary(payload), .text("next")])
        #expect(result.cost >= 200_000)
    }

    @Test("What is read directly ends its message, counts, and is checked as it comes") func directReadsAreChecked() {
        func begin(_ opcode: Opcode, role: Role = .client) -> MessageReader {
            var bytes = RawFrame(opcode, [UInt8](repeating: 0x61, count: 50_000), to: role).bytes
            var reader = MessageReader(role: role, maximumMessageSize: 1 << 20)
            var result = ReadResult()
            _ = bytes.withUnsafeMutableBytes { all in
                reader.read(UnsafeMutableRawBufferPointer(rebasing: all[..<1_000]), into: &result)
            }
            return reader
        }
        func fill(_ byte: UInt8) -> (UnsafeMutableRawBufferPointer) -> Int {
            { room in
                room.initializeMemory(as: UInt8.self, repeating: byte)
                return room.count
            }
        }
        var result = ReadResult()
        var reader = begin(.text)
        #expect(reader.readDirectly(atLeast: 16_384, into: &result, fill(0x61)) != nil)
        #expect(result.messages.map(\.payload.count) == [50_000])
        #expect(result.messageByteCount == 50_000)
        result = ReadResult()
        reader = begin(.text)
        #expect(reader.readDirectly(atLeast: 16_384, into: &result, fill(0xFF)) == 0)
        #expect(result.end == .violation(ProtocolViolation(.textNotUTF8)))
        #expect(reader.hasEnded)
        result = ReadResult()
        reader = begin(.binary, role: .server)
        #expect(reader.readDirectly(atLeast: 16_384, into: &result, fill(1)) == nil, "it has to be unmasked")
    }

    @Test("A result is reused without memory of the last one") func resultIsReused() {
        var reader = MessageReader(role: .client, maximumMessageSize: 1000)
        var result = ReadResult()
        var bytes = RawFrame(.text, [0x61], to: .client).bytes + RawFrame(.ping, to: .client).bytes
        _ = bytes.withUnsafeMutableBytes { reader.read($0, into: &result) }
        #expect(!result.isEmpty)
        result.removeAll()
        #expect(result.isEmpty)
        #expect(result.messageByteCount == 0)
        _ = bytes.withUnsafeMutableBytes { reader.read($0, into: &result) }
        #expect(result.messages == [.text("a")])
        #expect(result.pings == [[]])
    }

    @Test("Nothing is read after a close frame") func nothingFollowsCloseFrame() {
        let bytes =
            RawFrame(.text, Array("last".utf8), to: .client).bytes + RawFrame(.close, [0x03, 0xE8], to: .client).bytes
            + RawFrame(.text, Array("too late".utf8), to: .client).bytes + [0xFF, 0xFF, 0xFF]
        for cut in 0...bytes.count {
            let received = MessageReader.read(bytes, role: .client, cutAt: [cut])
            #expect(received == Received(messages: [.text("last")], end: .close(CloseFrame(code: .normalClosure))))
        }
    }

    @Test("A close frame may end an unfinished message") func closeMayEndUnfinishedMessage() {
        let bytes =
            RawFrame(.text, Array("half".utf8), fin: false, to: .client).bytes + RawFrame(.close, to: .client).bytes
        #expect(MessageReader.read(bytes, role: .client) == Received(end: .close(CloseFrame(code: nil))))
    }

    @Test(
        "Invalid text fails as soon as it is certain, whatever the fragments and the reads",
        arguments: UTF8ValidatorTests.invalid)
    func invalidTextFailsEarly(
        sequence: [UInt8], certainAfter: Int
    ) {
        // The message goes on after the bad byte: nothing of that may be needed to refuse it.
        for split in 0...sequence.count {
            let frames =
                RawFrame(.text, Array("ab".utf8) + sequence[..<split], fin: false, to: .client).bytes
                + RawFrame(
                    .continuation, Array(sequence[split...]) + [UInt8](repeating: 0x63, count: 50), fin: false,
                    to: .client
                )
                .bytes
            let secondHeader = 2
            let certain = 2 + 2 + certainAfter + (certainAfter > split ? secondHeader : 0)
            #expect(MessageReader.read(Array(frames[..<(certain - 1)]), role: .client).end == nil)
            let received = MessageReader.read(Array(frames[..<certain]), role: .client)
            #expect(received.violation?.rule == .textNotUTF8)
            for cut in 0...certain {
                let cutReceived = MessageReader.read(Array(frames[..<certain]), role: .client, cutAt: [cut])
                #expect(cutReceived.violation?.rule == .textNotUTF8)
            }
        }
    }

    @Test(
        "A text that ends inside a sequence is refused when its message ends", arguments: UTF8ValidatorTests.incomplete)
    func unfinishedSequenceIsRefused(sequence: [UInt8]) {
        let whole = RawFrame(.text, sequence, to: .client).bytes
        #expect(MessageReader.read(whole, role: .client).violation?.rule == .textNotUTF8)
        let fragments = RawFrame(.text, sequence, fin: false, to: .client).bytes
        #expect(MessageReader.read(fragments, role: .client).end == nil)
        let ended = fragments + RawFrame(.continuation, to: .client).bytes
        #expect(MessageReader.read(ended, role: .client).violation?.rule == .textNotUTF8)
    }

    @Test("Binary messages may hold anything") func binaryMayHoldAnything() {
        let payload: [UInt8] = [0xFF, 0xC0, 0x80, 0xED, 0xA0, 0x80]
        let bytes = RawFrame(.binary, payload, to: .client).bytes
        #expect(MessageReader.read(bytes, role: .client) == Received(messages: [.binary(payload)]))
    }

    @Test("A message of just the limit passes", arguments: [0, 1, 100, 1000])
    func messageOfTheLimitPasses(limit: Int) {
        let payload = [UInt8](repeating: 0x61, count: limit)
        let whole = RawFrame(.text, payload, to: .client).bytes
        let text = WebSocketMessage.text(String(repeating: "a", count: limit))
        #expect(MessageReader.read(whole, role: .client, limit: limit).messages == [text])
        let fragments =
            RawFrame(.binary, payload, fin: false, to: .client).bytes + RawFrame(.continuation, to: .client).bytes
        #expect(MessageReader.read(fragments, role: .client, limit: limit).messages == [.binary(payload)])
        let over = RawFrame(.text, payload + [0x61], to: .client).bytes
        let rule = ProtocolViolation.Rule.messageTooBig(size: UInt64(limit) + 1, limit: limit)
        #expect(MessageReader.read(over, role: .client, limit: limit).violation?.rule == rule)
    }

    @Test("A length beyond the limit is refused from its header alone") func tooLongIsRefusedFromHeader() {
        var frame = RawFrame(.binary, to: .client)
        frame.announcedLength = 1 << 40
        #expect(
            MessageReader.read(frame.bytes, role: .client).violation?.rule
                == .messageTooBig(size: 1 << 40, limit: 1 << 20))
    }

    @Test("A length within a huge limit reserves little until the payload comes")
    func hugeLimitReservesLittle() throws {
        var frame = RawFrame(.binary, [1, 2, 3], to: .client)
        frame.announcedLength = 1 << 50
        let received = MessageReader.read(frame.bytes, role: .client, limit: .max)
        #expect(received == Received())
    }

    @Test("A flood of pings brings every payload in order") func pingFloodArrivesInOrder() {
        let bytes = (0..<10_000).flatMap { RawFrame(.ping, [UInt8($0 & 0xFF), UInt8($0 >> 8)], to: .server).bytes }
        let received = MessageReader.read(bytes, role: .server)
        #expect(received.pings.count == 10_000)
        #expect(received.pings.enumerated().allSatisfy { $1 == [UInt8($0 & 0xFF), UInt8($0 >> 8)] })
    }

    @Test("A message of many empty fragments is one message") func manyEmptyFragmentsAreOneMessage() {
        let bytes =
            RawFrame(.text, Array("a".utf8), fin: false, to: .client).bytes
            + (0..<50_000).flatMap { _ in RawFrame(.continuation, fin: false, to: .client).bytes }
            + RawFrame(.continuation, Array("b".utf8), to: .client).bytes
        #expect(MessageReader.read(bytes, role: .client) == Received(messages: [.text("ab")]))
    }

    /// No byte string may make the reader trap, read beyond its input or deliver after the end.
    @Test("Random bytes end in a violation or wait for more", arguments: 0..<30 as Range<UInt64>)
    func randomBytesEnd(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            var bytes = generator.bytes(Int.random(in: 0...200, using: &generator))
            // Half of them begin like a frame, to get further.
            if Bool.random(using: &generator), bytes.count > 2 {
                bytes[0] = [0x81, 0x82, 0x01, 0x00, 0x80, 0x88, 0x89, 0x8A].randomElement(using: &generator) ?? 0x81
            }
            let role: Role = Bool.random(using: &generator) ? .client : .server
            let whole = MessageReader.read(bytes, role: role, limit: 500)
            let single = MessageReader.read(bytes, role: role, limit: 500, cutAt: Array(1..<max(1, bytes.count)))
            #expect(whole == single, "\(bytes)")
        }
    }
}
