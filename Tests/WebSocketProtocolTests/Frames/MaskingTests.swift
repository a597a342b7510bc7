import Testing
import WebSocketTesting

@testable import WebSocketProtocol

@Suite struct MaskingTests {
    /// Every length around the widths that are handled at once, at every alignment of source and target.
    @Test("Masking is the XOR of RFC 6455 section 5.3, whatever the length and the alignment", arguments: 0...80)
    func maskingIsXOR(count: Int) {
        var generator = SeededGenerator(seed: UInt64(count))
        let source = generator.bytes(count + 8)
        let key: [UInt8] = [0x12, 0x34, 0x56, 0x78]
        for shift in 0..<8 {
            let expected = source[shift..<(shift + count)].enumerated().map { $1 ^ key[$0 % 4] }
            var target = [UInt8](repeating: 0xAA, count: count + 8)
            source.withUnsafeBytes { source in
                target.withUnsafeMutableBytes { target in
                    guard let from = source.baseAddress, let to = target.baseAddress else { return }
                    Masking.apply(0x7856_3412, from: from + shift, to: to + (7 - shift), count: count)
                }
            }
            #expect(Array(target[(7 - shift)..<(7 - shift + count)]) == expected)
            #expect(target[..<(7 - shift)].allSatisfy { $0 == 0xAA })
            #expect(target[(7 - shift + count)...].allSatisfy { $0 == 0xAA })
        }
    }

    @Test("Masking in place twice gives the bytes back") func maskingTwiceRestores() {
        let original = Array(0..<UInt8(100))
        var bytes = original
        for _ in 0..<2 {
            bytes.withUnsafeMutableBytes { buffer in
                guard let start = buffer.baseAddress else { return }
                Masking.apply(0xDEAD_BEEF, from: start, to: start, count: buffer.count)
            }
        }
        #expect(bytes == original)
    }

    @Test(
        "A key is rotated to the place in the payload",
        arguments: [(0, 0x4433_2211), (1, 0x1144_3322), (2, 0x2211_4433), (3, 0x3322_1144), (4, 0x4433_2211)])
    func keyIsRotated(offset: Int, expected: UInt32) {
        #expect(Masking.rotated(0x4433_2211, by: offset) == expected)
    }
}
