internal import LibC

/// The two system calls that carry every byte; neither waits.
enum SocketIO {
    enum Transfer {
        case moved(Int)
        case wouldBlock
        /// The peer has ended its side.
        case endOfStream
        case failed(Int32)
    }

    #if canImport(Darwin)
        // SIGPIPE is ignored for the whole process by libwebsockets (`lws_create_context`).
        private static let sendFlags = CInt(MSG_DONTWAIT)
    #else
        private static let sendFlags = CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL)
    #endif

    static func receive(from descriptor: CInt, into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
        while true {
            let count = unsafe recv(descriptor, buffer.baseAddress, buffer.count, CInt(MSG_DONTWAIT))
            if count > 0 { return .moved(count) }
            if count == 0 { return .endOfStream }
            if let outcome = failure(errno) { return outcome }
        }
    }

    static func send(_ bytes: UnsafeRawBufferPointer, to descriptor: CInt) -> Transfer {
        while true {
            let count = unsafe sendBytes(bytes, to: descriptor, flags: sendFlags)
            if count >= 0 { return .moved(count) }
            if let outcome = failure(errno) { return outcome }
        }
    }

    /// Tells whether both directions of a connection have ended, or it was reset.
    static func hasHungUp(_ descriptor: CInt) -> Bool {
        var entry = pollfd(fd: descriptor, events: 0, revents: 0)
        return unsafe poll(&entry, 1, 0) == 1 && entry.revents & Int16(POLLHUP | POLLERR) != 0
    }

    /// Returns the number of bytes that the system has taken and the peer's has not acknowledged (SIOCOUTQ, tcp(7)); `nil`
    /// where it does not tell.
    static func unacknowledgedByteCount(_ descriptor: CInt) -> Int? {
        #if canImport(Darwin)
            var count: CInt = 0
            var length = socklen_t(MemoryLayout<CInt>.size)
            guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_NWRITE, &count, &length) == 0 else { return nil }
        #else
            var count: CInt = 0
            guard unsafe ioctl(descriptor, UInt(TIOCOUTQ), &count) == 0 else { return nil }
        #endif
        return Int(count)
    }

    /// `nil` when the call is to be made again.
    private static func failure(_ number: Int32) -> Transfer? {
        if number == EINTR { return nil }
        return number == EAGAIN || number == EWOULDBLOCK ? .wouldBlock : .failed(number)
    }
}
