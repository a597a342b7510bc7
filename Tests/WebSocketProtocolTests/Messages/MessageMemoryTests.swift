import Testing

@testable import WebSocketProtocol

@Suite struct MessageMemoryTests {
    /// Messages that share an array, an assembled one between two such arrays, and empty ones.
    private static func turn() -> ReceivedTurn {
        let frames =
            [
                RawFrame(.text, Array("first".utf8), to: .client), RawFrame(.binary, [], to: .client),
                RawFrame(.binary, [UInt8](repeating: 1, count: 1_000), to: .client),
                RawFrame(.binary, [2], fin: false, to: .client), RawFrame(.continuation, [3], to: .client),
            ] + (0..<100).map { RawFrame(.binary, [UInt8($0)], to: .client) }
        var bytes = frames.flatMap(\.bytes)
        var reader = MessageReader(role: .client, maximumMessageSize: 1 << 20)
        var turn = ReceivedTurn()
        _ = bytes.withUnsafeMutableBytes { reader.read($0, into: &turn) }
        return turn
    }

    @Test("A turn counts the memory of its payloads as it can be counted afterwards") func turnCountsItsMemory() {
        let turn = Self.turn()
        #expect(turn.messages.count == 104)
        #expect(turn.payloadMemory == MessageMemory.ofPayloads(turn.messages[...]))
        // Three arrays: with their storage headers and those of the frames, and rounded up by no more than malloc does.
        let least = 1_005 + 2 + 100 + 3 * MessageMemory.ofStorageHeader + 2 + 4 + 99 * 2
        #expect((least...least + 100).contains(turn.payloadMemory))
    }

    @Test("The rest of a batch counts what it keeps alive, also of messages that were used") func restOfBatchCounts() {
        let messages = Self.turn().messages
        // The last of a hundred keeps the memory of all of them.
        let last = MessageMemory.ofPayloads(messages[103...])
        #expect(last >= 100 + MessageMemory.ofStorageHeader)
        #expect(MessageMemory.ofPayloads(messages[5...]) == last)
        #expect(MessageMemory.ofPayloads(messages[104...]) == 0)
    }

    @Test("A turn costs at least the memory of what it brings") func turnCostsWhatItBrings() {
        for payload in [0, 1, 100] {
            var bytes = (0..<1_000).flatMap { _ in
                RawFrame(.binary, [UInt8](repeating: 1, count: payload), to: .client).bytes
            }
            var reader = MessageReader(role: .client, maximumMessageSize: 1 << 20)
            var turn = ReceivedTurn()
            _ = bytes.withUnsafeMutableBytes { reader.read($0, into: &turn) }
            #expect(turn.cost >= 1_000 * (MessageMemory.ofMessage + payload))
            #expect(turn.cost + 100 >= turn.payloadMemory + turn.messages.capacity * MessageMemory.ofMessage)
        }
    }

    @Test("An emptied turn keeps nothing of a large one") func emptiedTurnKeepsNothing() {
        var reader = MessageReader(role: .client, maximumMessageSize: 1 << 20)
        var turn = ReceivedTurn()
        let frames = [Opcode.binary, .ping, .pong].map { RawFrame($0, [1], to: .client).bytes }
        var bytes = (0..<10_000).flatMap { _ in frames.joined() }
        _ = bytes.withUnsafeMutableBytes { reader.read($0, into: &turn) }
        #expect(turn.messages.count == 10_000)
        turn.removeAll()
        #expect(turn.messages.capacity == 0)
        #expect(turn.pings.capacity == 0)
        #expect(turn.pongs.capacity == 0)
        #expect(turn.inPlaceCapacity <= 32)
    }
}
