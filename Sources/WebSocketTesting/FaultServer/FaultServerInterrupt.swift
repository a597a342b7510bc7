internal import Synchronization
internal import WebSocketService
internal import LibC

/// Wakes every thread that waits for a socket when the server stops.
///
/// It is a pipe whose read end each wait polls as well. Firing closes the write end, which leaves the read end readable
/// for good: a wait that begins later does not sleep either.
final class FaultServerInterrupt: Sendable {
    enum Outcome: Equatable {
        /// The events of poll(2) that are true of the descriptor, errors included.
        case ready(Int16)
        case timedOut
        case fired
    }

    private let readEnd: Int32
    private let writeEnd: Lock<Int32?>

    init() throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw FaultServerError.systemCall("pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        readEnd = ends[0]
        writeEnd = Lock(ends[1])
    }

    deinit {
        fire()
        _ = close(readEnd)
    }

    func fire() {
        writeEnd.withLock { descriptor in
            if let descriptor { _ = close(descriptor) }
            descriptor = nil
        }
    }

    /// Waits until one of `events` is true of the descriptor, the duration has passed or ``fire()`` is called.
    ///
    /// - Parameter descriptor: -1 to wait for nothing but the time (poll(2) ignores negative descriptors).
    func wait(for descriptor: Int32, events: Int32, atMost duration: Duration? = nil) -> Outcome {
        let deadline = duration.map { ContinuousClock.now + $0.bounded }
        while true {
            var polled = [
                pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0),
                pollfd(fd: descriptor, events: Int16(events), revents: 0),
            ]
            let count = poll(&polled, nfds_t(polled.count), Self.milliseconds(until: deadline))
            if polled[0].revents != 0 { return .fired }
            if count > 0 { return .ready(polled[1].revents) }
            if let deadline, ContinuousClock.now >= deadline { return .timedOut }
            // Otherwise a signal came first (EINTR), or poll's timeout was capped.
        }
    }

    /// poll(2)'s timeout: -1 waits without end. Rounded up, because a wait must not end early.
    private static func milliseconds(until deadline: ContinuousClock.Instant?) -> Int32 {
        guard let deadline else { return -1 }
        let remaining = (deadline - ContinuousClock.now) / .milliseconds(1)
        return Int32(min(max(remaining.rounded(.up), 0), 60_000))
    }
}

extension FaultServerError {
    static func systemCall(_ name: String) -> FaultServerError {
        let code = errno
        return FaultServerError(
            description: "FaultServer: \(name) failed: \(String(cString: strerror(code))) (\(code))")
    }
}
