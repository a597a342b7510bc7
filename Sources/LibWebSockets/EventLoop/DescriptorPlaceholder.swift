internal import CLibwebsockets

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Stands in for a descriptor that a library closes twice, so that the second time it does not close what another thread
/// has opened under the same number meanwhile.
///
/// libwebsockets 4.1 does that on libuv with the descriptor that wakes its loop: `lws_destroy_event_pipe` closes it, and
/// `__lws_close_free_wsi_final` once more when libuv has let go of the handle (seen with strace).
struct DescriptorPlaceholder: ~Copyable {
    private let number: CInt
    /// Both ends of a pipe: the placeholder is a duplicate of the reading one, and the writing one tells whether it is open.
    private let readEnd: CInt
    private let writeEnd: CInt

    /// Made while the descriptor is still open; `nil` when no descriptors are left.
    init?(for number: CInt) {
        var ends: [CInt] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { return nil }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        self.number = number
        readEnd = ends[0]
        writeEnd = ends[1]
    }

    /// Takes the number's place, right after it was closed the first time. Returns false when another thread was faster:
    /// then it must not be closed again.
    func occupy() -> Bool {
        let taken = fcntl(readEnd, F_DUPFD_CLOEXEC, number)
        if taken != number, taken >= 0 { _ = close(taken) }
        return taken == number
    }

    deinit {
        _ = close(readEnd)
        // With every reading end closed, the writing end reports an error: then the placeholder was closed by the library.
        var state = pollfd(fd: writeEnd, events: 0, revents: 0)
        let isClosed = unsafe poll(&state, 1, 0) > 0 && state.revents & Int16(POLLERR) != 0
        if !isClosed { _ = close(number) }
        _ = close(writeEnd)
    }
}
