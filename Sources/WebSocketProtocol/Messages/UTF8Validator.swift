/// Tells valid UTF-8 (RFC 3629) from invalid, over any number of chunks, and says no at the first byte that cannot be
/// part of it: surrogates, overlong forms and code points above U+10FFFF included.
package struct UTF8Validator: Sendable {
    /// The number of bytes that the sequence that has begun still needs.
    private var missing = 0
    /// The range of the next of them: RFC 3629 section 4 narrows it after some leading bytes.
    private var allowed: ClosedRange<UInt8> = 0x80...0xBF

    package init() {}

    /// The bytes so far end between two scalars.
    package var isComplete: Bool { missing == 0 }

    package static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var validator = UTF8Validator()
        return validator.consume(bytes) && validator.isComplete
    }

    /// Checks the next bytes.
    ///
    /// - Returns: `false` as soon as the bytes so far cannot be the beginning of valid UTF-8.
    package mutating func consume(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let start = bytes.baseAddress else { return true }
        let count = bytes.count
        var offset = 0
        while offset < count {
            if missing == 0 {
                offset = Self.endOfASCII(start, from: offset, count: count)
                while offset &+ 4 <= count, start.load(fromByteOffset: offset, as: UInt8.self) >= 0x80 {
                    let length = Self.lengthOfSequence(start + offset)
                    guard length > 0 else { return false }
                    offset &+= length
                }
                guard offset < count else { break }
                if start.load(fromByteOffset: offset, as: UInt8.self) < 0x80 { continue }
                // The last bytes of a chunk: the sequence may go on in the next one.
                guard begin(start.load(fromByteOffset: offset, as: UInt8.self)) else { return false }
                offset &+= 1
            }
            while missing > 0, offset < count {
                guard allowed.contains(start.load(fromByteOffset: offset, as: UInt8.self)) else { return false }
                allowed = 0x80...0xBF
                missing &-= 1
                offset &+= 1
            }
        }
        return true
    }

    /// The length of the sequence of two to four bytes at `start`, where four bytes can be read; 0 if it is invalid.
    /// The masks look at the leading byte and at the bits after it that RFC 3629 section 4 restricts.
    @inline(__always)
    private static func lengthOfSequence(_ start: UnsafeRawPointer) -> Int {
        let word = UInt32(littleEndian: start.loadUnaligned(as: UInt32.self))
        if word & 0x00C0_C0F0 == 0x0080_80E0 {
            let isOverlong = word & 0x200F == 0
            let isSurrogate = word & 0x200F == 0x200D
            return isOverlong || isSurrogate ? 0 : 3
        }
        if word & 0x0000_C0E0 == 0x0000_80C0 {
            let isOverlong = word & 0x1E == 0
            return isOverlong ? 0 : 2
        }
        if word & 0xC0C0_C0F8 == 0x8080_80F0 {
            let isOverlong = word & 0x3007 == 0
            let isAboveUnicode = word & 0x7 > 4 || word & 0x3007 > 4 && word & 0x7 == 4
            return isOverlong || isAboveUnicode ? 0 : 4
        }
        return 0
    }

    /// - Returns: `false` when no sequence begins with `byte`, which is not ASCII.
    @inline(__always)
    private mutating func begin(_ byte: UInt8) -> Bool {
        switch byte {
        case 0xC2...0xDF: (missing, allowed) = (1, 0x80...0xBF)
        case 0xE0: (missing, allowed) = (2, 0xA0...0xBF)
        case 0xED: (missing, allowed) = (2, 0x80...0x9F)
        case 0xE1...0xEF: (missing, allowed) = (2, 0x80...0xBF)
        case 0xF0: (missing, allowed) = (3, 0x90...0xBF)
        case 0xF1...0xF3: (missing, allowed) = (3, 0x80...0xBF)
        case 0xF4: (missing, allowed) = (3, 0x80...0x8F)
        default: return false
        }
        return true
    }

    /// The offset of the first byte at or after `offset` that is not ASCII, or `count`.
    @inline(__always)
    private static func endOfASCII(_ start: UnsafeRawPointer, from offset: Int, count: Int) -> Int {
        let highBits: UInt64 = 0x8080_8080_8080_8080
        var offset = offset
        while offset &+ 32 <= count {
            let block = start.loadUnaligned(fromByteOffset: offset, as: SIMD4<UInt64>.self)
            guard (block[0] | block[1] | block[2] | block[3]) & highBits == 0 else { break }
            offset &+= 32
        }
        while offset &+ 8 <= count {
            let word = UInt64(littleEndian: start.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) & highBits
            guard word == 0 else { return offset &+ word.trailingZeroBitCount / 8 }
            offset &+= 8
        }
        while offset < count, start.load(fromByteOffset: offset, as: UInt8.self) < 0x80 {
            offset &+= 1
        }
        return offset
    }
}
