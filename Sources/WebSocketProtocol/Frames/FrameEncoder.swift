/// Writes frames as RFC 6455 section 5.2 lays them out. A client's payload is copied and masked in one pass; a server's
/// is copied as it is.
///
/// It does not judge what it is told to write: control payloads of at most ``Opcode/maximumControlPayload`` bytes,
/// fragments in order, and a first fragment's `rsv1` only with an extension are the caller's part.
package struct FrameEncoder: ~Copyable, Sendable {
    package let role: Role
    private var maskingKeys: MaskingKeySource

    /// Makes an encoder for one side.
    ///
    /// - Parameter maskingKeys: Used by a client only.
    package init(role: Role, maskingKeys: consuming MaskingKeySource) {
        self.role = role
        self.maskingKeys = maskingKeys
    }

    /// Appends one frame to `buffer`.
    /// - Throws: An error when no masking key can be had; `buffer` is then unchanged.
    package mutating func encode(
        _ opcode: Opcode,
        payload: UnsafeRawBufferPointer,
        fin: Bool = true,
        rsv1: Bool = false,
        into buffer: FrameBuffer
    ) throws(RandomSourceFailure) {
        let isMasked = role == .client
        let key = isMasked ? try maskingKeys.next() : 0
        let lengthBytes = payload.count <= 125 ? 0 : payload.count <= 0xFFFF ? 2 : 8
        let headerSize = 2 + lengthBytes + (isMasked ? 4 : 0)

        let frame = buffer.appendUninitialized(headerSize + payload.count)
        let maskBit: UInt8 = isMasked ? 0x80 : 0
        frame.storeBytes(of: (fin ? 0x80 : 0) | (rsv1 ? 0x40 : 0) | opcode.rawValue, as: UInt8.self)
        switch lengthBytes {
        case 0:
            frame.storeBytes(of: maskBit | UInt8(payload.count), toByteOffset: 1, as: UInt8.self)
        case 2:
            frame.storeBytes(of: maskBit | 126, toByteOffset: 1, as: UInt8.self)
            frame.storeBytes(of: UInt16(payload.count).bigEndian, toByteOffset: 2, as: UInt16.self)
        default:
            frame.storeBytes(of: maskBit | 127, toByteOffset: 1, as: UInt8.self)
            frame.storeBytes(of: UInt64(payload.count).bigEndian, toByteOffset: 2, as: UInt64.self)
        }
        if isMasked {
            frame.storeBytes(of: key.littleEndian, toByteOffset: 2 + lengthBytes, as: UInt32.self)
        }
        guard let source = payload.baseAddress else { return }
        if isMasked {
            Masking.apply(key, from: source, to: frame + headerSize, count: payload.count)
        } else {
            (frame + headerSize).copyMemory(from: source, byteCount: payload.count)
        }
    }

    /// Appends one frame with the payload of `bytes`.
    @inlinable
    package mutating func encode(
        _ opcode: Opcode,
        payload bytes: some Sequence<UInt8>,
        fin: Bool = true,
        rsv1: Bool = false,
        into buffer: FrameBuffer
    ) throws(RandomSourceFailure) {
        // `rethrows` of the closure-taking accessors is untyped, hence the result in a variable.
        var failure: RandomSourceFailure?
        func encodeContiguous(_ payload: UnsafeBufferPointer<UInt8>) {
            do throws(RandomSourceFailure) {
                try encode(opcode, payload: UnsafeRawBufferPointer(payload), fin: fin, rsv1: rsv1, into: buffer)
            } catch {
                failure = error
            }
        }
        if bytes.withContiguousStorageIfAvailable(encodeContiguous) == nil {
            Array(bytes).withUnsafeBufferPointer(encodeContiguous)
        }
        if let failure { throw failure }
    }

    /// Appends a close frame (RFC 6455 section 5.5.1).
    package mutating func encode(_ close: CloseFrame, into buffer: FrameBuffer) throws(RandomSourceFailure) {
        try encode(.close, payload: close.payload, into: buffer)
    }
}
