import CZlib
import Testing
import WebSocketTesting

@testable import WebSocketProtocol

/// However many bytes there are, a read stops at its budget and the next one goes on.
@Suite struct MessageReaderBudgetTests {
    /// Every read of `bytes` with the budget.
    private static func reads(
        of bytes: [UInt8], with reader: inout MessageReader, budget: (Int) -> Int
    ) -> (received: Received, costs: [Int]) {
        let original = bytes
        var bytes = bytes
        var offset = 0
        var received = Received()
        var costs: [Int] = []
        while offset < bytes.count {
            var result = ReadResult()
            let used = bytes.withUnsafeMutableBytes {
                reader.read(.init(rebasing: $0[offset...]), into: &result, budget: budget(costs.count))
            }
            offset += used
            let next = offset..<min(offset + 300, bytes.count)
            if bytes[next] != original[next] { Issue.record("what was not used has changed") }
            guard used > 0 || result.cost > 0 else {
                Issue.record("a read that gets nowhere")
                break
            }
            received.messages += result.messages
            received.pings += result.pings.map(Array.init)
            received.pongs += result.pongs.map(Array.init)
            if received.end == nil { received.end = result.end }
            costs.append(result.cost)
        }
        return (received, costs)
    }

    private static func deflated(_ messages: [[UInt8]]) throws -> [[UInt8]] {
        var deflater = Deflater.make()
        return try messages.map { try deflater.compress($0) }
    }

    /// Plain and compressed messages, whole and in fragments, with control frames.
    private static func mixture(to role: Role, seed: UInt64) throws -> (bytes: [UInt8], expected: Received) {
        var generator = SeededGenerator(seed: seed)
        var deflater = Deflater.make()
        var frames: [RawFrame] = []
        var expected = Received()
        for number in 0..<40 {
            let size = 1 << Int.random(in: 0...11, using: &generator)
            var payload = generator.bytes(Int.random(in: 0...size, using: &generator))
            if Bool.random(using: &generator) { payload = [UInt8](repeating: UInt8(number), count: payload.count * 10) }
            let rsv: UInt8 = Bool.random(using: &generator) ? 4 : 0
            let wire = rsv == 0 ? payload : try deflater.compress(payload)
            let cut = Int.random(in: 0...wire.count, using: &generator)
            if Bool.random(using: &generator) {
                frames.append(RawFrame(.binary, wire, rsv: rsv, to: role))
            } else {
                frames.append(RawFrame(.binary, Array(wire[..<cut]), fin: false, rsv: rsv, to: role))
                frames.append(RawFrame(.ping, [UInt8(number)], to: role))
                expected.pings.append([UInt8(number)])
                frames.append(RawFrame(.continuation, Array(wire[cut...]), to: role))
            }
            expected.messages.append(.binary(payload))
        }
        return (frames.flatMap(\.bytes), expected)
    }

    @Test(
        "Any budgets bring the same as none, masks and compression included", arguments: Role.allCases,
        0..<6 as Range<UInt64>)
    func anyBudgetsBringTheSame(role: Role, seed: UInt64) throws {
        let (bytes, expected) = try Self.mixture(to: role, seed: seed)
        for budget in [100, 5_000, 300_000] {
            var generator = SeededGenerator(seed: seed)
            var reader = MessageReader(
                role: role, maximumMessageSize: 1 << 20, inflater: Inflater(windowBits: 15, keepsContext: true))
            let reads = Self.reads(of: bytes, with: &reader) { _ in Int.random(in: 1...budget, using: &generator) }
            #expect(reads.received == expected, "budget \(budget)")
        }
    }

    /// zlib gives out 32 KiB at once, and keeps a few KiB back.
    private static let slack = 44 << 10
    private static let budget = 256 << 10

    @Test("A bomb is inflated read by read", arguments: Role.allCases)
    func bombIsInflatedReadByRead(role: Role) throws {
        let size = 16 << 20
        let bomb = try Self.deflated([[UInt8](repeating: 0, count: size)])
        let bytes = RawFrame(.binary, bomb[0], rsv: 4, to: role).bytes
        #expect(bytes.count < 100_000)
        var reader = MessageReader(
            role: role, maximumMessageSize: size, inflater: Inflater(windowBits: 15, keepsContext: true))
        let reads = Self.reads(of: bytes, with: &reader) { _ in Self.budget }
        #expect(reads.received.messages.map(\.payload.count) == [size])
        #expect(reads.costs.allSatisfy { $0 < Self.budget + Self.slack })
        #expect(reads.costs.count > 50)
    }

    @Test("Messages that are bombs are restored as far as the budget goes") func bombsAreRestoredWithinBudget() throws {
        let bombs = try Self.deflated([[UInt8]](repeating: [UInt8](repeating: 0, count: 100_000), count: 400))
        let bytes = bombs.flatMap { RawFrame(.binary, $0, rsv: 4, to: .client).bytes }
        #expect(bytes.count < 128 << 10)
        var reader = MessageReader(
            role: .client, maximumMessageSize: 1 << 20, inflater: Inflater(windowBits: 15, keepsContext: true))
        let reads = Self.reads(of: bytes, with: &reader) { _ in Self.budget }
        #expect(reads.received.messages.map(\.payload.count) == [Int](repeating: 100_000, count: 400))
        #expect(reads.costs.allSatisfy { $0 < Self.budget + 100_000 + Self.slack })
    }

    struct Flood: CustomTestStringConvertible, Sendable {
        let name: String
        let frame: RawFrame
        /// More than this many frames in one read would keep the loop, or memory.
        let most: Int

        var testDescription: String { name }
    }

    @Test(
        "Tiny frames end a read as large ones do",
        arguments: [
            Flood(name: "empty messages", frame: RawFrame(.binary, to: .client), most: 6_554),
            Flood(name: "messages of one byte", frame: RawFrame(.text, [0x61], to: .client), most: 6_394),
            Flood(name: "empty fragments", frame: RawFrame(.continuation, fin: false, to: .client), most: 4_096),
            Flood(name: "pings", frame: RawFrame(.ping, to: .client), most: 4_096),
            Flood(name: "pongs", frame: RawFrame(.pong, to: .client), most: 4_096),
        ])
    func tinyFramesEndARead(flood: Flood) {
        let count = 60_000
        let begin = flood.name == "empty fragments" ? RawFrame(.binary, fin: false, to: .client).bytes : []
        let bytes = begin + [UInt8](repeatElement(flood.frame.bytes, count: count).joined())
        var reader = MessageReader(role: .client, maximumMessageSize: 1 << 20)
        let reads = Self.reads(of: bytes, with: &reader) { _ in Self.budget }
        let least = (count + flood.most - 1) / flood.most
        #expect((least...least + 2).contains(reads.costs.count))
    }

    @Test("Compressed data that inflates to nothing ends a read too") func emptyInflationEndsARead() throws {
        // Final blocks with nothing in them.
        let payload = [UInt8](repeatElement([0x03, 0x00], count: 60_000).joined())
        let bytes = RawFrame(.binary, payload, rsv: 4, to: .client).bytes
        var reader = MessageReader(
            role: .client, maximumMessageSize: 1 << 20, inflater: Inflater(windowBits: 15, keepsContext: true))
        let reads = Self.reads(of: bytes, with: &reader) { _ in Self.budget }
        #expect(reads.received.messages == [.binary([])])
        #expect(reads.costs.count >= 4)
    }

    @Test("One large message takes one read: its memory came with its bytes") func largeMessageTakesOneRead() {
        let bytes = RawFrame(.binary, [UInt8](repeating: 1, count: 128 << 10), to: .client).bytes
        var reader = MessageReader(role: .client, maximumMessageSize: 1 << 20)
        #expect(Self.reads(of: bytes, with: &reader) { _ in Self.budget }.costs.count == 1)
    }

    @Test("What stands behind the end counts as used") func bytesBehindTheEndCount() {
        var bytes = RawFrame(.close, to: .client).bytes + RawFrame(.binary, [1], to: .client).bytes
        let count = bytes.count
        var reader = MessageReader(role: .client, maximumMessageSize: 10)
        var result = ReadResult()
        #expect(bytes.withUnsafeMutableBytes { reader.read($0, into: &result, budget: 1) } == count)
        #expect(bytes.withUnsafeMutableBytes { reader.read($0, into: &result, budget: 1) } == count)
        #expect(result.messages.isEmpty)
    }
}
