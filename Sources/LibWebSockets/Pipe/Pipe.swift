/// The connection's side of a pipe, opposite ``PipeConsumer``; used on the loop's thread. Tests script one of their own.
protocol Pipe: AnyObject {
    var isReading: Bool { get }
    /// Stops or resumes reading from the network.
    func setReading(_ isReading: Bool)

    /// Asks for ``PipeConsumer/pipeIsWritable()``, in this turn if the system takes bytes.
    func requestWrite()
    /// Writes bytes, as many as are taken, and returns how many that are; 0 when the system takes no more for now, `nil`
    /// when the pipe is of no more use. Only while handling ``PipeConsumer/pipeIsWritable()``.
    func write(_ bytes: UnsafeRawBufferPointer) -> Int?
    /// Sends what was written and waits to be gathered with more. Returns whether the system has taken everything.
    func flush() -> Bool
    /// Bytes that were taken wait until the system takes more.
    var hasUnsent: Bool { get }
    /// The number of bytes that were sent and are still on their way to the peer.
    var unacknowledgedByteCount: Int { get }

    /// Ends the pipe with all that is still buffered, soon: never inside the call.
    func abort()

    /// Calls `action` when so much time has passed, unless it is cancelled: the deadlines of whoever uses the pipe, on the clock
    /// of its loop.
    func schedule(after delay: Duration, _ action: @escaping () -> Void) -> LoopTimers.ID
    func cancel(_ id: LoopTimers.ID)
}
