internal import COpenSSL
internal import WebSocketProtocol

/// One side of a TLS connection: OpenSSL's `SSL` between the records of the network and the bytes of the program.
///
/// It does no I/O. Records that have arrived are fed to it, and those to be sent are appended to a buffer of its owner's;
/// so one system call carries as many records as there are, and nobody's memory is held while nothing happens. On one
/// thread only.
@safe final class TLSStream {
    enum Progress {
        /// The handshake is complete, or this many bytes were read.
        case made(Int)
        /// Nothing more is to be had from the records that have arrived; see ``hasInput``.
        case needsInput
        /// The peer has ended its side in order (`close_notify`).
        case closed
        /// In OpenSSL's words.
        case failed(String)
    }

    /// OpenSSL's handle, to be asked about what was agreed on.
    let ssl: OpaquePointer
    private let output: FrameBuffer
    /// Records, or parts of them, that OpenSSL has not read.
    private var input = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    /// Holds ``input`` between two turns.
    private var kept: FrameBuffer?
    private(set) var isEstablished = false

    /// A client's side, which is to be bound to its `TLSHandshake` before it begins.
    convenience init(connectingWith sslContext: OpaquePointer, output: FrameBuffer) throws(WebSocketError) {
        try unsafe self.init(sslContext, output: output)
        unsafe SSL_set_connect_state(ssl)
    }

    /// A server's side.
    convenience init(acceptingWith sslContext: OpaquePointer, output: FrameBuffer) throws(WebSocketError) {
        try unsafe self.init(sslContext, output: output)
        unsafe SSL_set_accept_state(ssl)
    }

    private init(_ sslContext: OpaquePointer, output: FrameBuffer) throws(WebSocketError) {
        self.output = output
        ERR_clear_error()
        guard let ssl = unsafe SSL_new(sslContext) else {
            throw OpenSSLError.failure(stage: .tls, "OpenSSL cannot begin")
        }
        unsafe self.ssl = ssl
        guard let bio = unsafe BIO_new(TLSStreamBIO.method) else {
            throw OpenSSLError.failure(stage: .tls, "OpenSSL cannot begin")
        }
        unsafe BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
        unsafe BIO_set_init(bio, 1)
        // Both directions share it, and the `SSL` frees it.
        unsafe SSL_set_bio(ssl, bio, bio)
    }

    deinit {
        unsafe SSL_free(ssl)
        ERR_clear_error()
    }

    // MARK: - Input

    /// Records have arrived that were not looked at.
    var hasInput: Bool { unsafe !input.isEmpty || SSL_pending(ssl) > 0 }

    /// Nothing is left of what was fed, and more may be.
    var isHungry: Bool { unsafe input.isEmpty }

    /// Gives it bytes from the network, which have to stay where they are until ``keepInput()``.
    func feed(_ bytes: UnsafeRawBufferPointer) {
        assert(isHungry)
        unsafe input = bytes
    }

    /// Copies what is left of the bytes it was fed.
    func keepInput() {
        guard unsafe !input.isEmpty else {
            kept = nil
            return
        }
        if let kept, unsafe kept.bytes.baseAddress.map({ unsafe UnsafeRawPointer($0) <= input.baseAddress! }) == true,
            unsafe input.baseAddress! + input.count == UnsafeRawPointer(kept.bytes.baseAddress!) + kept.count
        {
            return
        }
        let copy = FrameBuffer(minimumCapacity: unsafe input.count)
        unsafe copy.append(contentsOf: input)
        kept = copy
        unsafe input = UnsafeRawBufferPointer(copy.bytes)
    }

    fileprivate func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = unsafe min(buffer.count, input.count)
        guard count > 0 else { return 0 }
        unsafe buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[..<count]))
        unsafe input = UnsafeRawBufferPointer(rebasing: input[count...])
        return count
    }

    fileprivate func append(_ bytes: UnsafeRawBufferPointer) {
        unsafe output.append(contentsOf: bytes)
    }

    // MARK: - What the owner asks for

    /// Takes the handshake as far as it goes.
    func shakeHands() -> Progress {
        ERR_clear_error()
        let result = unsafe SSL_do_handshake(ssl)
        guard result == 1 else { return progress(after: result) }
        isEstablished = true
        return .made(0)
    }

    /// Reads what fits into `buffer` of one record.
    func read(_ buffer: UnsafeMutableRawBufferPointer) -> Progress {
        ERR_clear_error()
        let result = unsafe SSL_read(ssl, buffer.baseAddress, CInt(clamping: buffer.count))
        return result > 0 ? .made(Int(result)) : progress(after: result)
    }

    /// Encrypts `bytes` and returns how many: not all while a message of the peer's handshake (a ticket, a KeyUpdate) has
    /// arrived in part, for OpenSSL finishes that first. `nil` when the connection is of no more use.
    func write(_ bytes: UnsafeRawBufferPointer) -> Int? {
        ERR_clear_error()
        var rest = unsafe bytes
        while unsafe !rest.isEmpty {
            let result = unsafe SSL_write(ssl, rest.baseAddress, CInt(clamping: rest.count))
            guard result > 0 else {
                if unsafe SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ { break }
                ERR_clear_error()
                return nil
            }
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest[Int(result)...])
        }
        return bytes.count - rest.count
    }

    /// Ends this side in order (`close_notify`).
    func shutDown() {
        guard isEstablished else { return }
        ERR_clear_error()
        unsafe SSL_shutdown(ssl)
        ERR_clear_error()
    }

    private func progress(after result: CInt) -> Progress {
        switch unsafe SSL_get_error(ssl, result) {
        // Without an error in the queue, a read has found that there are no more records.
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .needsInput
        case SSL_ERROR_ZERO_RETURN:
            discardInput()
            return .closed
        default:
            discardInput()
            return .failed(OpenSSLError.takeText())
        }
    }

    /// Forgets the records that were not looked at: what comes after the end is nobody's.
    func discardInput() {
        unsafe input = UnsafeRawBufferPointer(start: nil, count: 0)
        kept = nil
    }
}

/// The BIO (bio(7)) between an `SSL` and its ``TLSStream``.
private enum TLSStreamBIO {
    /// `nonisolated(unsafe)`: made once, never changed and never freed.
    nonisolated(unsafe) static let method: OpaquePointer? = {
        let method = unsafe BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "swift-libwebsockets")
        unsafe BIO_meth_set_write(method, write)
        unsafe BIO_meth_set_read(method, read)
        unsafe BIO_meth_set_ctrl(method, control)
        return unsafe method
    }()

    private static func stream(_ bio: OpaquePointer?) -> TLSStream? {
        guard let pointer = unsafe BIO_get_data(bio) else { return nil }
        return unsafe Unmanaged<TLSStream>.fromOpaque(pointer).takeUnretainedValue()
    }

    private static let write: @convention(c) (OpaquePointer?, UnsafePointer<CChar>?, CInt) -> CInt = {
        bio, bytes, count in
        guard let stream = unsafe stream(bio), count > 0 else { return 0 }
        unsafe stream.append(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
        return count
    }

    private static let read: @convention(c) (OpaquePointer?, UnsafeMutablePointer<CChar>?, CInt) -> CInt = {
        bio, buffer, room in
        unsafe BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_IO_SPECIAL | BIO_FLAGS_SHOULD_RETRY)
        guard let stream = unsafe stream(bio), room > 0 else { return 0 }
        let count = unsafe stream.read(into: UnsafeMutableRawBufferPointer(start: buffer, count: Int(room)))
        if count == 0 {
            unsafe BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
            return -1
        }
        return CInt(count)
    }

    private static let control: @convention(c) (OpaquePointer?, CInt, Int, UnsafeMutableRawPointer?) -> Int = {
        _, command, _, _ in
        command == BIO_CTRL_FLUSH ? 1 : 0
    }
}
