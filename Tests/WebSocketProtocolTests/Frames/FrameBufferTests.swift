import Testing

@testable import WebSocketProtocol

@Suite struct FrameBufferTests {
    @Test("A new buffer is empty and holds no memory") func newBufferIsEmpty() {
        let buffer = FrameBuffer()
        #expect(buffer.isEmpty)
        #expect(buffer.capacity == 0)
        #expect(buffer.bytes.isEmpty)
    }

    @Test("Bytes survive growth") func bytesSurviveGrowth() {
        let buffer = FrameBuffer()
        var expected: [UInt8] = []
        for round in 0..<200 {
            let part = [UInt8](repeating: UInt8(round), count: round * 7 % 300)
            part.withUnsafeBytes { buffer.append(contentsOf: $0) }
            expected += part
        }
        #expect(Array(buffer.bytes) == expected)
        #expect(buffer.count == expected.count)
    }

    @Test("Growth is geometric") func growthIsGeometric() {
        let buffer = FrameBuffer()
        var capacities: Set<Int> = []
        for _ in 0..<100_000 {
            [UInt8(1)].withUnsafeBytes { buffer.append(contentsOf: $0) }
            capacities.insert(buffer.capacity)
        }
        #expect(capacities.count < 12)
        #expect(buffer.capacity < 300_000)
    }

    @Test("Emptying keeps the memory or gives it back") func emptyingKeepsOrReturnsMemory() {
        let buffer = FrameBuffer(minimumCapacity: 1000)
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
}
