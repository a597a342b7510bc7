internal import Synchronization
internal import Logging
internal import LibC

/// The file that the secrets of sessions are appended to.
final class TLSKeyLog: Sendable {
    private let descriptor: Int32
    private let path: String
    private let logger: Logger
    private let isGivenUp = Lock(false)

    /// Opens the file, or makes it.
    ///
    /// Anybody who can read it can read the traffic. So it is a regular file of this user's that nobody else may read, or
    /// none: a symbolic link in a directory that others may write to would lead the secrets elsewhere, and a FIFO would
    /// keep the caller waiting for a reader.
    init(path: String, logger: Logger) throws(WebSocketError) {
        self.path = path
        self.logger = logger
        descriptor = unsafe open(
            path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0o600)
        guard descriptor >= 0 else { throw Self.error(path, errno) }
        // An error that is thrown from here runs `deinit`, which closes the file. A second close here could close somebody
        // else's.
        try Self.secure(descriptor, path, logger)
    }

    deinit { close(descriptor) }

    private static func secure(_ descriptor: Int32, _ path: String, _ logger: Logger) throws(WebSocketError) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw error(path, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .invalidTLSConfiguration(
                "The key log file \(path) is not a regular file: secrets are not written to a FIFO or a device.")
        }
        guard status.st_uid == geteuid() else {
            throw .invalidTLSConfiguration(
                "The key log file \(path) belongs to another user (uid \(status.st_uid)), who could read the secrets.")
        }
        guard status.st_nlink == 1 else {
            throw .invalidTLSConfiguration(
                "The key log file \(path) has another name, too (a hard link), under which secrets might be read.")
        }
        let mode = status.st_mode & 0o777
        guard mode & 0o077 != 0 else { return }
        guard fchmod(descriptor, 0o600) == 0 else { throw error(path, errno) }
        logger.warning(
            "others could have read the key log file; its mode is now 600",
            metadata: ["path": "\(path)", "mode": "\(String(mode, radix: 8))"])
    }

    private static func error(_ path: String, _ code: Int32) -> WebSocketError {
        let reason =
            switch code {
            case ELOOP: "it is a symbolic link, and none is followed for secrets"
            case ENXIO: "it is a FIFO or a device, not a regular file"
            default: unsafe String(cString: strerror(code))
            }
        return WebSocketError(
            .invalidConfiguration, stage: .configuration,
            message: "The key log file \(path) cannot be written: \(reason).", errno: code)
    }

    /// Appends one line with one write, so that lines of several threads do not mix.
    func append(_ keyLine: UnsafePointer<CChar>) {
        guard isStillOurs else { return giveUp() }
        let line = unsafe Array(UnsafeBufferPointer(start: keyLine, count: strlen(keyLine))) + [CChar(10)]
        // A debugging aid must not end a connection: lines that cannot be written are missing from the log.
        _ = unsafe write(descriptor, line, line.count)
    }

    /// The file is still the one that was opened, under its name and for this user alone.
    private var isStillOurs: Bool {
        var (opened, named) = (stat(), stat())
        guard unsafe fstat(descriptor, &opened) == 0, unsafe lstat(path, &named) == 0 else { return false }
        return opened.st_ino == named.st_ino && opened.st_dev == named.st_dev && opened.st_nlink == 1
            && opened.st_mode & 0o077 == 0
    }

    private func giveUp() {
        let isFirst = isGivenUp.withLock { isGivenUp in
            defer { isGivenUp = true }
            return !isGivenUp
        }
        guard isFirst else { return }
        logger.warning(
            "no more secrets are written to the key log file: it was deleted, replaced, linked or opened to others",
            metadata: ["path": "\(path)"])
    }
}
