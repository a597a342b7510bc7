import Synchronization
import Testing
import WebSocketTesting

@testable import WebSocketProtocol

@Suite struct MaskingKeySourceTests {
    @Test("Keys are the source's bytes in order, drawn in blocks of at most 2 KiB") func keysAreDrawnInBlocks() throws {
        let blocks = Lock<[Int]>([])
        var keys = MaskingKeySource(
            RandomByteSource { bytes in
                let block = blocks.withLock {
                    $0.append(bytes.count)
                    return $0.count
                }
                for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index / 4 + block) }
            })
        #expect(try keys.next() == 0x0101_0101)
        #expect(try keys.next() == 0x0202_0202)
        for _ in 2..<32 { _ = try keys.next() }
        #expect(try keys.next() == 0x0202_0202)
        for _ in 33..<10_000 { _ = try keys.next() }
        let sizes = blocks.withLock { $0 }
        #expect(sizes.prefix(6) == [128, 256, 512, 1024, 2048, 2048])
        #expect(sizes.dropFirst(6).allSatisfy { $0 == 2048 })
        #expect(sizes.reduce(0, +) / 4 >= 10_000)
    }

    @Test("No key is handed out twice") func keysAreNotRepeated() throws {
        let generator = Lock(SeededGenerator(seed: 7))
        var keys = MaskingKeySource(
            RandomByteSource { bytes in
                let random = generator.withLock { $0.bytes(bytes.count) }
                for index in bytes.indices { bytes[index] = random[index] }
            })
        var seen: Set<UInt32> = []
        for _ in 0..<5_000 { seen.insert(try keys.next()) }
        // Of 5,000 random 32-bit numbers, more than a few equal ones would mean that a block was repeated.
        #expect(seen.count > 4_990)
    }

    @Test("A refill that fails is an error, and the next one may succeed") func failedRefillIsAnError() throws {
        let isBroken = Lock(false)
        var keys = MaskingKeySource(
            RandomByteSource { bytes throws(RandomSourceFailure) in
                if isBroken.withLock({ $0 }) { throw RandomSourceFailure(description: "no entropy") }
                for index in bytes.indices { bytes[index] = 9 }
            })
        for _ in 0..<32 { _ = try keys.next() }
        isBroken.withLock { $0 = true }
        var failures = 0
        for _ in 0..<3 {
            do { _ = try keys.next() } catch { failures += 1 }
        }
        #expect(failures == 3)
        isBroken.withLock { $0 = false }
        #expect(try keys.next() == 0x0909_0909)
    }
}
