#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Asks the system for descriptors before a library does that cannot cope without: libuv aborts the process, and
/// libwebsockets makes a context that nobody can wake, or forgets why a connection could not be made.
///
/// Another thread may take them in the moment between the answer and their use, so whoever asks looks at the result, too.
enum DescriptorReserve {
    /// What libwebsockets' first context in a process and a loop with its own take together, counted on 4.1.6 to 4.5.8
    /// with libuv 1.44 and 1.50: 12 to 14. The rest is for the first connection.
    static let loop = 18
    /// A socket, its duplicate, and one to spare.
    static let connection = 3

    /// Tries whether there are `count` descriptors left, and says what the system answered when there are not.
    static func shortage(of count: Int) -> CInt? {
        var descriptors: [CInt] = []
        defer { for descriptor in descriptors { _ = close(descriptor) } }
        for _ in 0..<count {
            let descriptor =
                if let first = descriptors.first {
                    fcntl(first, F_DUPFD_CLOEXEC, 0)
                } else {
                    // One that counts for the limit of the whole system, too (ENFILE).
                    socket(AF_UNIX, streamSocket, 0)
                }
            guard descriptor >= 0 else { return errno }
            descriptors.append(descriptor)
        }
        return nil
    }

    /// Why libwebsockets could not open its source of random numbers, without which it makes no context.
    static var randomDeviceError: CInt? {
        let descriptor = unsafe open("/dev/urandom", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return errno }
        _ = close(descriptor)
        return nil
    }

    private static var streamSocket: CInt {
        #if canImport(Glibc)
            CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        #elseif canImport(Musl)
            SOCK_STREAM | SOCK_CLOEXEC
        #else
            SOCK_STREAM
        #endif
    }
}
