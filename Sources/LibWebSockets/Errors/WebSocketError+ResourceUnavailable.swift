internal import LibC

extension WebSocketError {
    /// The system has refused what `task` needs.
    static func resourceUnavailable(_ code: CInt, stage: Stage, for task: String) -> WebSocketError {
        let advice =
            switch code {
            case EMFILE: "raise the limit on open files (`ulimit -n`, LimitNOFILE= of systemd), or look for a leak"
            case ENFILE: "the whole system has too many files open (fs.file-max)"
            case EAGAIN: "raise the limit on threads (`ulimit -u`, TasksMax= of systemd, pids.max of a container)"
            case ENOMEM, ENOBUFS: "the system is out of memory, or the limit on it is reached"
            default: "see errno \(code)"
            }
        return WebSocketError(
            .resourceUnavailable, stage: stage,
            message: """
                \(task): \(unsafe String(cString: strerror(code))). Another try may succeed as soon as the system has what \
                it lacks now; if it does not, \(advice)
                """, errno: code)
    }

    /// Tells whether `code` says that the system lacks something for now.
    static func isShortage(_ code: CInt) -> Bool {
        [EMFILE, ENFILE, ENOMEM, ENOBUFS, EAGAIN].contains(code)
    }
}
