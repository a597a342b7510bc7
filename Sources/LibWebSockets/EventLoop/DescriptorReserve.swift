internal import LibC

/// Asks the system for descriptors before a library does that cannot cope without: libuv aborts the process, and
/// libwebsockets makes a context that nobody can wake, or forgets why a connection could not be made.
///
/// Another thread may take them in the moment between the answer and their use, so the caller looks at the result, too.
enum DescriptorReserve {
    /// The descriptors that libwebsockets' first context in a process and a loop with its own take together: 11 to 13,
    /// counted on 4.1.6, 4.3.3, 4.3.5 and 4.5.8 with libuv 1.44. The rest is for the first connection.
    static let loop = 18
    /// A socket, its duplicate, and one to spare.
    static let connection = 3

    /// Tries whether there are `count` descriptors left, and says what the system lacks when there are not.
    static func shortage(of count: Int) -> CInt? {
        // An open file of its own and no duplicate, so that it counts for the limit of the whole system, too (ENFILE).
        let first = socket(AF_UNIX, streamSocket, 0)
        guard first >= 0 else { return WebSocketError.isShortage(errno) ? errno : nil }
        _ = fcntl(first, F_SETFD, FD_CLOEXEC)
        var descriptors = [first]
        defer { for descriptor in descriptors { _ = close(descriptor) } }
        while descriptors.count < count {
            let descriptor = fcntl(first, F_DUPFD_CLOEXEC, 0)
            guard descriptor >= 0 else { return errno }
            descriptors.append(descriptor)
        }
        return nil
    }

    /// The reason why libwebsockets could not open its source of random numbers, without which it makes no context.
    static var randomDeviceError: CInt? {
        let descriptor = unsafe open("/dev/urandom", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return errno }
        _ = close(descriptor)
        return nil
    }
}
