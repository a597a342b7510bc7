import Testing

@testable import WebSocketProtocol

@Suite struct MessageMemoryTests {
    /// Messages that share an array, an assembled one between two such arrays, and empty ones.
    private static func result() -> ReadResult {
        let frames =
            [
                RawFrame(.text, Array("first".utf8), to: .client), RawFrame(.binary, [], to: .client),
                RawFrame(.binary, [UInt8](repeating: 1, count: 1_000), to: .client),
                RawFrame(.binary, [2], fin: false, to: .client), RawFrame(.continuation, [3], to: .client),
            ] + (0..<100).map { RawFrame(.binary, [UInt8($0)], to: .client) }
        var bytes = frames.flatMap(\.bytes)
        var reader = MessageReader(role: .client, maximumMessageSize: 1 << 20)
        var result = ReadResult()
        _ = bytes.withUnsafeMutableBytes { reader.read($0, into: &result) }
        return result
    }

    @Test("A read counts the memory of its payloads as it can be counted afterwards") func readCountsItsMemory() {
        let result = Self.result()
        #expect(result.messages.count == 104)
        #expect(result.payloadMemory == MessageMemory.ofPayloads(result.messages[...]))
        // Three arrays: with their storage headers and those of the frames, and rounded up by no more than malloc does.
        let least = 1_005 + 2 + 100 + 3 * MessageMemory.ofStorageHeader + 2 + 4 + 99 * 2
        #expect((least...least + 100).contains(result.payloadMemory))
    }

    @Test("The rest of a batch counts what it keeps alive, also of messages that were used") func restOfBatchCounts() {
        let messages = Self.result().messages
        // The last of a hundred keeps the memory of all of them.
        let last = MessageMemory.ofPayloads(messages[103...])
        #expect(last >= 100 + MessageMemory.ofStorageHeader)
        #expect(MessageMemory.ofPayloads(messages[5...]) == last)
        #expect(MessageMemory.ofPayloads(messages[104...]) == 0)
    }

    @Test("A read costs at least the memory of what it brings") func readCostsWhatItBrings() {
        for payload in [0, 1, 100] {
            var bytes = (0..<1_000).flatMap { _ in
                RawFrame(.binary, [UInt8](repeating: 1, count: payload), to: .client).bytes
            }
            var reader = MessageReader(role: .client, maximumMessageSize: 1 << 20)
            var result = ReadResult()
            _ = bytes.withUnsafeMutableBytes { reader.read($0, into: &result) }
            #expect(result.cost >= 1_000 * (MessageMemory.ofMessage + payload))
            #expect(result.cost + 100 >= result.payloadMemory + result.messages.capacity * MessageMemory.ofMessage)
        }
    }

    @Test("An emptied result keeps nothing of a large one") func emptiedResultKeepsNothing() {
        var reader = MessageReader(role: .client, maximumMessageSize: 1 << 20)
        var result = ReadResult()
        let frames = [Opcode.binary, .ping, .pong].map { RawFrame($0, [1], to: .client).bytes }
        var bytes = (0..<10_000).flatMap { _ in frames.joined() }
        _ = bytes.withUnsafeMutableBytes { reader.read($0, into: &result) }
        #expect(result.messages.count == 10_000)
        result.removeAll()
        #expect(result.messages.capacity == 0)
        #expect(result.pings.capacity == 0)
        #expect(result.pongs.capacity == 0)
        #expect(result.inPlaceCapacity <= 32)
    }
}
