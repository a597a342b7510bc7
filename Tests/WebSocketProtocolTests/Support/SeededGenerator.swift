@testable import WebSocketProtocol

/// SplitMix64: the same numbers for the same seed, so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &self) }
    }
}

extension RandomByteSource {
    /// Every byte is the same.
    static func constant(_ byte: UInt8) -> RandomByteSource {
        RandomByteSource { bytes in
            for index in bytes.indices { bytes[index] = byte }
        }
    }

    /// The same bytes at every call, but different ones within a call.
    static func seeded(_ seed: UInt64) -> RandomByteSource {
        RandomByteSource { bytes in
            var generator = SeededGenerator(seed: seed)
            for index in bytes.indices { bytes[index] = UInt8.random(in: .min ... .max, using: &generator) }
        }
    }
}
