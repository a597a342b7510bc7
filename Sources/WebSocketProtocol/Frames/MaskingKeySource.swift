/// Hands out the masking keys of a client's frames: unpredictable and never used twice (RFC 6455 section 5.3).
///
/// Keys are drawn in blocks, because a draw per frame costs more than the frame. The first block is small, so that a
/// connection that is mostly idle neither holds 2 KiB nor waits for them.
package struct MaskingKeySource: ~Copyable, Sendable {
    private static let firstBlock = 32
    private static let largestBlock = 512

    private let random: RandomByteSource
    private var keys: [UInt32] = []
    private var used = 0

    package init(_ random: RandomByteSource) {
        self.random = random
    }

    /// The next key; the byte that masks the payload's first byte is its lowest.
    package mutating func next() throws(RandomSourceFailure) -> UInt32 {
        if used == keys.count { try refill() }
        defer { used += 1 }
        return keys[used]
    }

    private mutating func refill() throws(RandomSourceFailure) {
        let count = min(max(Self.firstBlock, keys.count * 2), Self.largestBlock)
        var fresh = [UInt32](repeating: 0, count: count)
        try fresh.withUnsafeMutableBufferPointer { buffer throws(RandomSourceFailure) in
            try random.fill(UnsafeMutableRawBufferPointer(buffer))
        }
        keys = fresh
        used = 0
    }
}
