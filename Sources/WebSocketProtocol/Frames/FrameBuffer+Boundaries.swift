extension FrameBuffer {
    /// Where to stop writing, so that a control frame can go out before the rest: the end of the last frame that ends
    /// within `maximum` bytes of `start`, or of the first one if that is longer.
    /// - Parameter start: Where a frame begins. The buffer holds whole frames as ``FrameEncoder`` writes them.
    package func frameBoundary(from start: Int, within maximum: Int) -> Int {
        let bytes = UnsafeRawBufferPointer(bytes)
        var boundary = start
        while boundary < bytes.count {
            let end = boundary + Self.sizeOfFrame(bytes, at: boundary)
            if end - start > maximum, boundary > start { break }
            boundary = end
        }
        return boundary
    }

    private static func sizeOfFrame(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int {
        let second = bytes[offset + 1]
        let maskBytes = second & 0x80 == 0 ? 0 : 4
        switch second & 0x7F {
        case 126:
            let length = UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: offset + 2, as: UInt16.self))
            return 4 + maskBytes + Int(length)
        case 127:
            let length = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset + 2, as: UInt64.self))
            return 10 + maskBytes + Int(length)
        case let length:
            return 2 + maskBytes + Int(length)
        }
    }
}
