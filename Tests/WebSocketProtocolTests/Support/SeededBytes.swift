import WebSocketTesting

@testable import WebSocketProtocol

extension SeededGenerator {
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
