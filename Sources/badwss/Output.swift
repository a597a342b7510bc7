import Foundation

/// Standard output, for everything that was asked for.
enum Output {
    /// Nobody reads it any more.
    struct Closed: Error, CustomStringConvertible {
        var description: String { "standard output is closed" }
    }

    static func write(_ text: String) throws(Closed) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                // A descriptor shared with somebody who set O_NONBLOCK.
                var events = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
                poll(&events, 1, -1)
            } else if errno != EINTR {
                throw Closed()
            }
        }
    }

    /// Calls `body` once nobody reads `descriptor` any more, which a writer notices only when it has something to write.
    ///
    /// - Returns: `true` when that can happen: only pipes and sockets have readers. A terminal's end is told by SIGHUP.
    @discardableResult
    static func watchForReadersEnd(
        of descriptor: Int32 = STDOUT_FILENO, _ body: @escaping @Sendable () -> Void
    ) -> Bool {
        var status = stat()
        guard fstat(descriptor, &status) == 0, [S_IFIFO, S_IFSOCK].contains(status.st_mode & S_IFMT) else {
            return false
        }
        // A Dispatch source would fire as long as there is room to write. The thread ends with the process.
        Thread.detachNewThread {
            // The end is told without being asked for (poll(2)).
            var events = pollfd(fd: descriptor, events: 0, revents: 0)
            while poll(&events, 1, -1) < 0, errno == EINTR || errno == EAGAIN {}
            if events.revents & Int16(POLLERR | POLLHUP) != 0 { body() }
        }
        return true
    }

    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
}
