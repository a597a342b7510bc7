internal import CZlib

/// Compresses messages for permessage-deflate (RFC 7692 section 7.2.1).
///
/// Owns zlib's state for one direction of one connection: made for the first message that needs it, and given back after
/// each message when no context is kept. The peer's window follows it byte for byte, so its output has to be sent, in
/// order; ``reset()`` makes good for output that cannot be sent.
package struct Deflater: ~Copyable {
    /// The bytes that end a flushed block, and are left out at the end of a message (RFC 7692 section 7.2.1).
    static let tail: [UInt8] = [0x00, 0x00, 0xFF, 0xFF]
    /// The most that is given to zlib at once, whose counters have 32 bits.
    private static let largestPiece = 1 << 30
    /// Output buffers up to this size are kept for the next message.
    private static let largestKeptCapacity = 4 << 10

    private let level: Int32
    private let windowBits: Int32
    private let memoryLevel: Int32
    private let keepsContext: Bool
    /// zlib's state points back at this struct, which therefore has a place of its own.
    private var stream: UnsafeMutablePointer<z_stream>?
    private let output = FrameBuffer()

    package init(windowBits: Int, level: Int, memoryLevel: Int, keepsContext: Bool) {
        self.windowBits = Int32(clamping: windowBits)
        self.level = Int32(clamping: level)
        self.memoryLevel = Int32(clamping: memoryLevel)
        self.keepsContext = keepsContext
    }

    deinit {
        if let stream { Self.release(stream) }
    }

    /// Compresses the next bytes of a message, so that the peer can restore all of them at once.
    /// - Returns: The payload to send. Valid until ``recycleOutput()``, which has to follow.
    package mutating func deflate(
        _ bytes: UnsafeRawBufferPointer, endsMessage: Bool
    ) throws(DeflateFailure) -> UnsafeRawBufferPointer {
        if bytes.isEmpty {
            // zlib has nothing to flush then. The header of an empty block stands for nothing, completed by the tail (RFC
            // 7692 section 7.2.3.6).
            if endsMessage { output.appendUninitialized(1).storeBytes(of: 0, as: UInt8.self) }
        } else {
            try compress(bytes)
            if endsMessage { output.removeLast(Self.tail.count) }
        }
        if endsMessage, !keepsContext { reset() }
        return UnsafeRawBufferPointer(output.bytes)
    }

    /// Empties the output, and gives its memory back when that is much.
    package func recycleOutput() {
        output.removeAll(keepingCapacity: output.capacity <= Self.largestKeptCapacity)
    }

    /// Forgets all earlier messages, as a compressor may at any time.
    package mutating func reset() {
        if let stream { Self.release(stream) }
        stream = nil
    }

    private mutating func compress(_ bytes: UnsafeRawBufferPointer) throws(DeflateFailure) {
        let stream = try openStream()
        var rest = bytes
        while let start = rest.baseAddress, rest.count > 0 {
            let count = min(rest.count, Self.largestPiece)
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
            // zlib only reads through it: `next_in` is const in C when ZLIB_CONST is defined, which Swift cannot do.
            stream.pointee.next_in = UnsafeMutableRawPointer(mutating: start).assumingMemoryBound(to: Bytef.self)
            stream.pointee.avail_in = uInt(count)
            let flush = rest.isEmpty ? Z_SYNC_FLUSH : Z_NO_FLUSH
            repeat {
                // The bound leaves out what a flush adds: 6 bytes at most.
                let room = Int(deflateBound(stream, uLong(stream.pointee.avail_in))) + 16
                let target = output.appendUninitialized(room)
                stream.pointee.next_out = target.assumingMemoryBound(to: Bytef.self)
                stream.pointee.avail_out = uInt(room)
                let status = CZlib.deflate(stream, flush)
                output.removeLast(Int(stream.pointee.avail_out))
                // Z_BUF_ERROR: there was nothing left to do.
                guard status == Z_OK || status == Z_BUF_ERROR else {
                    let failure = DeflateFailure(status, stream.pointee)
                    reset()
                    throw failure
                }
            } while stream.pointee.avail_out == 0
        }
    }

    private mutating func openStream() throws(DeflateFailure) -> UnsafeMutablePointer<z_stream> {
        if let stream { return stream }
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // A negative number of window bits means DEFLATE without zlib's header and checksum.
        let status = czlib_deflateInit2(stream, level, -windowBits, memoryLevel)
        guard status == Z_OK else {
            let failure = DeflateFailure(status, stream.pointee)
            stream.deallocate()
            throw failure
        }
        self.stream = stream
        return stream
    }

    private static func release(_ stream: UnsafeMutablePointer<z_stream>) {
        // Z_DATA_ERROR only says that not everything was flushed.
        _ = deflateEnd(stream)
        stream.deallocate()
    }
}
