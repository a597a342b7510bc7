import WebSocketTesting

@testable import LibWebSockets

/// A pipe whose system takes what a test says, and whose time passes when it says so. For one thread.
final class ScriptedPipe: Pipe {
    weak var consumer: (any PipeConsumer)?
    /// The number of bytes that the system still takes.
    var room = Int.max
    var unacknowledgedByteCount = 0
    /// Bytes that were taken wait, as records of TLS do.
    var hasUnsent = false
    private(set) var isReading = true
    private(set) var isAborted = false
    /// The consumer has ended this side.
    private(set) var hasEnded = false
    /// The bytes that the system has taken.
    private(set) var sent: [UInt8] = []
    private var wantsToWrite = false
    private let start = ContinuousClock.now
    private var time = Duration.zero
    private var timers = LoopTimers()

    func setReading(_ isReading: Bool) { self.isReading = isReading }
    func requestWrite() { wantsToWrite = true }
    func flush() -> Bool { !hasUnsent }
    func abort() { isAborted = true }

    func write(_ bytes: UnsafeRawBufferPointer) -> Int? {
        let count = min(bytes.count, room)
        room -= count
        sent += bytes.prefix(count)
        return count
    }

    func schedule(after delay: Duration, _ action: @escaping () -> Void) -> LoopTimers.ID {
        timers.schedule(at: start + time + delay, action)
    }

    func cancel(_ id: LoopTimers.ID) { timers.cancel(id) }

    // MARK: What the network does

    /// Hands bytes over, as one look at the socket does.
    func receive(_ frames: FaultServer.Frame...) {
        var bytes = frames.flatMap(\.bytes)
        bytes.withUnsafeMutableBytes { _ = consumer?.pipeDidReceive($0) }
        consumer?.pipeDidRead()
    }

    /// Lets the consumer write, where it has asked for that, and says so when the system takes no more.
    /// - Returns: False when the consumer has not asked.
    @discardableResult
    func serviceOutput() -> Bool {
        guard wantsToWrite, !hasEnded else { return false }
        wantsToWrite = false
        if consumer?.pipeIsWritable() == false { hasEnded = true }
        if room == 0 { consumer?.pipeIsBlocked() }
        return true
    }

    func advance(by duration: Duration) {
        time += duration
        while let action = timers.popDue(at: start + time) { action() }
    }
}
