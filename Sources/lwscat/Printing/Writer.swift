internal import LibC

/// Writes to standard output and standard error, and waits for their reader, which slows the peer down.
struct Writer {
    /// Nobody reads standard output any more.
    struct OutputClosed: Error {}

    func write(_ output: Output) throws(OutputClosed) {
        switch output.stream {
        case .standardOutput: try write(output.text, to: STDOUT_FILENO)
        // The messages still have a reader where nobody reads the notices.
        case .standardError: try? write(output.text, to: STDERR_FILENO)
        }
    }

    func write(_ text: String, to descriptor: Int32) throws(OutputClosed) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { systemWrite(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                // A descriptor shared with somebody who set O_NONBLOCK.
                var events = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&events, 1, -1)
            } else if errno != EINTR {
                throw OutputClosed()
            }
        }
    }
}
