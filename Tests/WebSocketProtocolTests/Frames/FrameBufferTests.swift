import Testing

@testable import WebSocketProtocol

@Suite struct FrameBufferTests {
    @Test func `a new buffer is empty and holds no memory`() {
        let buffer = FrameBuffer(headroom: 16)
        #expect(buffer.isEmpty)
        #expect(buffer.capacity == 0)
        #expect(buffer.bytes.isEmpty)
    }

    @Test func `bytes survive growth, and the room in front of them may be written`() {
        let buffer = FrameBuffer(headroom: 16)
        var expected: [UInt8] = []
        for round in 0..<200 {
            let part = [UInt8](repeating: UInt8(round), count: round * 7 % 300)
            part.withUnsafeBytes { buffer.append(contentsOf: $0) }
            expected += part
            if let start = buffer.bytes.baseAddress {
                (start - 16).initializeMemory(as: UInt8.self, repeating: 0xFF, count: 16)
            }
        }
        #expect(Array(buffer.bytes) == expected)
        #expect(buffer.count == expected.count)
    }

    @Test func `growth is geometric`() {
        let buffer = FrameBuffer()
        var capacities: Set<Int> = []
        for _ in 0..<100_000 {
            [UInt8(1)].withUnsafeBytes { buffer.append(contentsOf: $0) }
            capacities.insert(buffer.capacity)
        }
        #expect(capacities.count < 12)
        #expect(buffer.capacity < 300_000)
    }

    @Test func `emptying keeps the memory or gives it back`() {
        let buffer = FrameBuffer(headroom: 8, minimumCapacity: 1000)
        #expect(buffer.capacity == 1000)
        [UInt8](repeating: 1, count: 500).withUnsafeBytes { buffer.append(contentsOf: $0) }
        buffer.removeAll()
        #expect(buffer.isEmpty)
        #expect(buffer.capacity == 1000)
        buffer.removeAll(keepingCapacity: false)
        #expect(buffer.capacity == 0)
        [UInt8(3)].withUnsafeBytes { buffer.append(contentsOf: $0) }
        #expect(Array(buffer.bytes) == [3])
    }

    @Test(arguments: Role.allCases)
    func `a piece ends where a frame ends, whatever the length forms`(role: Role) throws {
        var encoder = FrameEncoder(role: role, maskingKeys: MaskingKeySource(.seeded(5)))
        let buffer = FrameBuffer(headroom: 16)
        var ends: [Int] = []
        for length in [0, 1, 125, 126, 65535, 65536, 0, 70_000, 3] {
            try encoder.encode(.binary, payload: [UInt8](repeating: 1, count: length), into: buffer)
            ends.append(buffer.count)
        }
        for (index, start) in ([0] + ends).dropLast().enumerated() {
            for maximum in [0, 1, 6, 200, 1000, 66_000, 140_000, .max] {
                let expected = ends[index...].last { $0 - start <= maximum } ?? ends[index]
                #expect(buffer.frameBoundary(from: start, within: maximum) == expected)
            }
        }
        #expect(buffer.frameBoundary(from: buffer.count, within: 100) == buffer.count)
        #expect(FrameBuffer().frameBoundary(from: 0, within: 100) == 0)
    }
}
