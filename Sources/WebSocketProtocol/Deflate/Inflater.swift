internal import CZlib

/// Restores messages that the peer compressed with permessage-deflate (RFC 7692 section 7.2.2).
///
/// Owns zlib's state for one direction of one connection: made for the first compressed message, and given back after
/// each when no context is kept.
package final class Inflater: MessageInflater {
    /// The most bytes inflated before they are appended to the message, and so the distance that a bomb gets beyond the
    /// limit.
    private static let chunkSize = 32 << 10
    /// The most that is given to zlib at once, whose counters have 32 bits.
    private static let largestPiece = 1 << 30

    private let windowBits: Int32
    private let keepsContext: Bool
    /// zlib's state points back at this struct, which therefore has a place of its own.
    private var stream: UnsafeMutablePointer<z_stream>?
    /// The current message has a payload at all.
    private var hasInput = false
    /// The payload so far ends with a block that says it is the last one.
    private var isAfterFinalBlock = false
    /// The source of zlib's memory, when not malloc(3): a test lets it run out.
    var allocate: alloc_func?

    package init(windowBits: Int, keepsContext: Bool) {
        self.windowBits = Int32(clamping: windowBits)
        self.keepsContext = keepsContext
    }

    deinit {
        release()
    }

    package func inflate(
        _ compressed: UnsafeRawBufferPointer, into output: inout [UInt8], limit: Int, budget: Int
    ) throws(ProtocolViolation) -> Int {
        let goal = output.count + min(budget, .max - output.count)
        var used = 0
        while used < compressed.count, output.count < goal {
            hasInput = true
            let end = used + min(compressed.count - used, Self.largestPiece)
            used += try inflatePiece(
                UnsafeRawBufferPointer(rebasing: compressed[used..<end]), into: &output, limit: limit, goal: goal)
        }
        return used
    }

    package func finishMessage(into output: inout [UInt8], limit: Int) throws(ProtocolViolation) {
        // Some compressors flush nothing when there is nothing new, and send an empty message as an empty payload
        // instead of the one byte of RFC 7692 section 7.2.3.6.
        guard hasInput else { return }
        hasInput = false
        // A payload may also end with a final block and without the byte after it that section 7.2.3.5 asks for.
        if !isAfterFinalBlock {
            try Deflater.tail.withUnsafeBufferPointer { tail throws(ProtocolViolation) in
                _ = try inflatePiece(UnsafeRawBufferPointer(tail), into: &output, limit: limit, goal: .max)
            }
            // zlib.h, `inflate`: 128 is added when it stopped between two blocks, and the rest are unused bits.
            guard let state = stream?.pointee.data_type, state & 128 != 0, state & 7 == 0 else {
                throw ProtocolViolation(.compressedDataInvalid("it ends inside a DEFLATE block"))
            }
        }
        isAfterFinalBlock = false
        if !keepsContext { release() }
    }

    /// Returns how many bytes of the piece were used: all of them, unless `output` reaches its goal before.
    private func inflatePiece(
        _ piece: UnsafeRawBufferPointer, into output: inout [UInt8], limit: Int, goal: Int
    ) throws(ProtocolViolation) -> Int {
        let stream = try openStream()
        // zlib only reads through it: `next_in` is const in C when ZLIB_CONST is defined, which Swift cannot do.
        stream.pointee.next_in = UnsafeMutableRawPointer(mutating: piece.baseAddress)?
            .assumingMemoryBound(to: Bytef.self)
        stream.pointee.avail_in = uInt(piece.count)
        let result = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.chunkSize) { chunk in
            Result { () throws(ProtocolViolation) in
                try inflateInput(of: stream, through: chunk, into: &output, limit: limit, goal: goal)
            }
        }
        try result.get()
        return piece.count - Int(stream.pointee.avail_in)
    }

    private func inflateInput(
        of stream: UnsafeMutablePointer<z_stream>, through chunk: UnsafeMutableBufferPointer<UInt8>,
        into output: inout [UInt8], limit: Int, goal: Int
    ) throws(ProtocolViolation) {
        repeat {
            // zlib holds back only a few KiB once it has all the input: 64 bits, of which each may stand for 129 bytes.
            if output.count >= goal, stream.pointee.avail_in > 0 { return }
            // One byte more than there may be shows that there is more.
            let allowed = limit - output.count
            let room = allowed < chunk.count ? allowed + 1 : chunk.count
            stream.pointee.next_out = chunk.baseAddress
            stream.pointee.avail_out = uInt(room)
            let status = CZlib.inflate(stream, Z_SYNC_FLUSH)
            let count = room - Int(stream.pointee.avail_out)
            guard count <= allowed else { throw ProtocolViolation(.messageTooBig(size: nil, limit: limit)) }
            output.append(contentsOf: UnsafeMutableBufferPointer(rebasing: chunk[..<count]))
            switch status {
            case Z_OK:
                isAfterFinalBlock = false
            case Z_BUF_ERROR:
                // All that came in has gone out.
                return
            case Z_STREAM_END:
                // A final block ends neither the message nor the context (RFC 7692 sections 7.2.2 and 7.2.3.5). Unlike
                // `inflateReset`, this keeps the window.
                inflateResetKeep(stream)
                isAfterFinalBlock = stream.pointee.avail_in == 0
            case Z_DATA_ERROR:
                throw ProtocolViolation(.compressedDataInvalid(ZlibError.text(status, stream.pointee)))
            default:
                throw ProtocolViolation(.inflaterFailed(ZlibError.text(status, stream.pointee)))
            }
        } while stream.pointee.avail_in > 0 || stream.pointee.avail_out == 0
    }

    private func openStream() throws(ProtocolViolation) -> UnsafeMutablePointer<z_stream> {
        if let stream { return stream }
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        stream.pointee.zalloc = allocate
        // A negative number of window bits means DEFLATE without zlib's header and checksum.
        let status = czlib_inflateInit2(stream, -windowBits)
        guard status == Z_OK else {
            let text = ZlibError.text(status, stream.pointee)
            stream.deallocate()
            throw ProtocolViolation(.inflaterFailed(text))
        }
        self.stream = stream
        return stream
    }

    private func release() {
        guard let stream else { return }
        inflateEnd(stream)
        stream.deallocate()
        self.stream = nil
    }
}
