internal import LibC

/// Looks after the number of the descriptor that wakes a loop, which libraries close once, twice or never.
///
/// On libuv, libwebsockets 4.1 closes it in `lws_destroy_event_pipe` and once more in `__lws_close_free_wsi_final`, when
/// libuv has let go of the handle: by then another thread may have opened something else under the same number. 4.3.4 to
/// 4.3.6, 4.4.0 and 4.4.1 never close it. The versions between and after do it once. (Seen with strace, and read.)
struct DescriptorPlaceholder: ~Copyable {
    private var number: CInt = -1
    /// A duplicate, held from the beginning: the end of a loop must not need a descriptor that nobody may have then.
    private let duplicate: CInt

    /// Takes a descriptor before there is one to look after, as a duplicate of any other; `nil`, with `errno`, when there
    /// is none left.
    init?(reservedWith other: CInt) {
        let duplicate = fcntl(other, F_DUPFD_CLOEXEC, 0)
        guard duplicate >= 0 else { return nil }
        self.duplicate = duplicate
    }

    /// Looks after `number` from now on, which is open.
    mutating func watch(_ number: CInt) -> Bool {
        guard dup2(number, duplicate) == duplicate else { return false }
        _ = fcntl(duplicate, F_SETFD, FD_CLOEXEC)
        self.number = number
        return true
    }

    /// The number still is, or is again, that of the same open file.
    ///
    /// The status flags belong to the open file, not to the number (open(2)): one that means nothing for a pipe or an
    /// eventfd tells whether two numbers are one file. An eventfd has no inode of its own by which to tell.
    var isOpen: Bool {
        let flags = fcntl(duplicate, F_GETFL)
        guard flags >= 0 else { return false }
        defer { _ = fcntl(duplicate, F_SETFL, flags) }
        for isSet in [true, false] {
            guard fcntl(duplicate, F_SETFL, isSet ? flags | O_APPEND : flags & ~O_APPEND) == 0 else { return false }
            let found = fcntl(number, F_GETFL)
            guard found >= 0, (found & O_APPEND != 0) == isSet else { return false }
        }
        return true
    }

    /// Takes the number's place if it was closed, so that it may be closed again. Returns false when another thread has
    /// opened something under it meanwhile: then it must not be closed.
    func occupy() -> Bool {
        if isOpen { return true }
        let taken = fcntl(duplicate, F_DUPFD_CLOEXEC, number)
        if taken != number, taken >= 0 { _ = close(taken) }
        return taken == number
    }

    deinit {
        if isOpen { _ = close(number) }
        _ = close(duplicate)
    }
}
