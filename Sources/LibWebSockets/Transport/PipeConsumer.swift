/// Who uses the bytes of an open connection; called on the loop's thread.
protocol PipeConsumer: AnyObject {
    /// Bytes have arrived, to be used, and perhaps changed, before returning. False drops the connection.
    func pipeDidReceive(_ bytes: UnsafeMutableRawBufferPointer) -> Bool
    /// The connection takes bytes: the only moment to write. False drops the connection.
    func pipeIsWritable() -> Bool
    /// The connection has ended; nothing follows.
    func pipeDidEnd(_ end: TransportEnd)
}
