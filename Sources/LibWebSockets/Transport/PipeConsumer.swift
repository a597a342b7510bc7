/// Who uses the bytes of an open connection; called on the loop's thread, never inside a call of libwebsockets.
protocol PipeConsumer: AnyObject {
    /// The TLS that was begun on the connection stands.
    func pipeDidSecure(_ tls: TLSStream)
    /// Bytes have arrived, to be used, and perhaps changed, before returning. Returns how many were used: the rest is
    /// offered again, in a later turn, as long as reading is wanted. `nil` drops the connection.
    func pipeDidReceive(_ bytes: UnsafeMutableRawBufferPointer) -> Int?
    /// The connection takes bytes: the only moment to write. False ends this side, once everything has been sent.
    func pipeIsWritable() -> Bool
    /// The connection has ended; nothing follows.
    /// - Parameter unused: What had arrived before and was not used yet.
    func pipeDidEnd(_ end: TransportEnd, unused: [UInt8])
}

extension PipeConsumer {
    func pipeDidSecure(_ tls: TLSStream) {}
}
