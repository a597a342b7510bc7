/// The XOR of RFC 6455 section 5.3, as many bytes at a time as the processor takes.
enum Masking {
    /// The key for payload bytes that begin `offset` bytes into the frame's payload.
    static func rotated(_ key: UInt32, by offset: Int) -> UInt32 {
        let bits = UInt32(truncatingIfNeeded: offset & 3) * 8
        return key >> bits | key << ((32 - bits) & 31)
    }

    /// Writes the masked (or unmasked: it is the same) bytes of `source` to `target`, which may be the same memory
    /// but must not overlap otherwise.
    static func apply(
        _ key: UInt32, from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, count: Int
    ) {
        let key64 = UInt64(key.littleEndian) << 32 | UInt64(key.littleEndian)
        let wide = SIMD4<UInt64>(repeating: key64)
        var offset = 0
        while offset &+ 32 <= count {
            let block = source.loadUnaligned(fromByteOffset: offset, as: SIMD4<UInt64>.self)
            target.storeBytes(of: block ^ wide, toByteOffset: offset, as: SIMD4<UInt64>.self)
            offset &+= 32
        }
        while offset &+ 8 <= count {
            let block = source.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            target.storeBytes(of: block ^ key64, toByteOffset: offset, as: UInt64.self)
            offset &+= 8
        }
        // Every step so far was a multiple of four bytes, so the key's lowest byte is due again.
        var rest = key
        while offset < count {
            target.storeBytes(
                of: source.load(fromByteOffset: offset, as: UInt8.self) ^ UInt8(truncatingIfNeeded: rest),
                toByteOffset: offset,
                as: UInt8.self
            )
            rest >>= 8
            if (offset & 3) == 3 { rest = key }
            offset &+= 1
        }
    }
}
