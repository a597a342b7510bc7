/// The user of an open pipe's bytes; called on the loop's thread, never inside a call of libwebsockets.
protocol PipeConsumer: AnyObject {
    /// The TLS that was begun on the pipe stands.
    func pipeDidSecure(_ tls: TLSStream)
    /// Bytes have arrived, to be used, and perhaps changed, before returning. Returns how many were used: the rest is
    /// offered again, in a later turn, as long as reading is wanted. `nil` ends the pipe.
    func pipeDidReceive(_ bytes: UnsafeMutableRawBufferPointer) -> Int?
    /// Bytes can be read. A consumer that knows what they are, and where they are to lie, calls `read` with that place, and
    /// returns how many bytes came: the others get them with ``pipeDidReceive(_:)``.
    /// - Parameter read: Fills the place as far as there are bytes, and returns how many.
    func pipeReads(_ read: (UnsafeMutableRawBufferPointer) -> Int) -> Int?
    /// All that is read in this turn has been handed over.
    func pipeDidRead()
    /// The pipe takes bytes: the only moment to write. False ends this side, once everything has been sent.
    func pipeIsWritable() -> Bool
    /// So many bytes have gone out that were taken earlier, such as records of TLS.
    func pipeDidSend(_ count: Int)
    /// The system takes no more for now: what was written has to wait.
    func pipeIsBlocked()
    /// The pipe has ended; nothing follows.
    /// - Parameter unused: The bytes that had arrived before and were not used yet.
    func pipeDidEnd(_ end: PipeEnd, unused: [UInt8])
}

extension PipeConsumer {
    func pipeDidSecure(_ tls: TLSStream) {}
    func pipeReads(_ read: (UnsafeMutableRawBufferPointer) -> Int) -> Int? { nil }
    func pipeDidRead() {}
    func pipeDidSend(_ count: Int) {}
    func pipeIsBlocked() {}
}
