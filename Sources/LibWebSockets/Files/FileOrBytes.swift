internal import LibC

/// The origin of certificates and keys.
enum FileOrBytes: Sendable {
    case file(String)
    case bytes([UInt8])

    /// More than any bundle of certificates, and little enough to keep a wrong path from filling memory.
    static let maximumSize = 16 << 20

    /// The content; a file is read whole.
    ///
    /// Only a regular file will do: a FIFO keeps its reader waiting for as long as nobody writes to it. Without
    /// `O_NONBLOCK` opening it would wait already.
    ///
    /// - Parameter purpose: The purpose of the content, as it appears in an error: "CA certificates".
    /// - Throws: `invalidConfiguration` with the path and the system's reason.
    func read(for purpose: String) throws(WebSocketError) -> [UInt8] {
        guard case .file(let path) = self else {
            guard case .bytes(let bytes) = self else { return [] }
            return bytes
        }
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw Self.unreadable(path, purpose, errno) }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw Self.unreadable(path, purpose, errno) }
        guard status.st_mode & S_IFMT != S_IFDIR else { throw Self.unreadable(path, purpose, EISDIR) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .invalidTLSConfiguration(
                "The \(purpose) file \(path) is not a regular file: a FIFO, a device or a socket is not read.")
        }

        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes { buffer in
                unsafe Self.read(descriptor, buffer)
            }
            guard count >= 0 else { throw Self.unreadable(path, purpose, errno) }
            guard count > 0 else { return content }
            content += chunk[..<count]
            guard content.count <= Self.maximumSize else {
                throw WebSocketError(
                    .invalidConfiguration, stage: .configuration,
                    message: "The \(purpose) file \(path) is larger than \(Self.maximumSize >> 20) MiB.")
            }
        }
    }

    private static func read(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
        while true {
            let count = unsafe systemRead(descriptor, buffer.baseAddress, buffer.count)
            if count >= 0 || errno != EINTR { return count }
        }
    }

    private static func unreadable(_ path: String, _ purpose: String, _ code: Int32) -> WebSocketError {
        let reason = unsafe String(cString: strerror(code))
        return WebSocketError(
            .invalidConfiguration, stage: .configuration,
            message: "The \(purpose) file \(path) cannot be read: \(reason).", errno: code)
    }

    /// The marks that tell a changed file from an unchanged one without reading it. The time of the last change of the
    /// inode (`st_ctim`) cannot be set back, as that of the content can.
    struct Stamp: Hashable, Sendable {
        struct Time: Hashable, Sendable {
            let seconds: Int64
            let nanoseconds: Int64

            init(_ time: timespec) { (seconds, nanoseconds) = (Int64(time.tv_sec), Int64(time.tv_nsec)) }
        }

        let device: UInt64
        let inode: UInt64
        let size: Int64
        let modified: Time
        let changed: Time
    }

    /// `nil` for bytes and for a missing file.
    var stamp: Stamp? {
        guard case .file(let path) = self else { return nil }
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        #if canImport(Darwin)
            let (modified, changed) = (status.st_mtimespec, status.st_ctimespec)
        #else
            let (modified, changed) = (status.st_mtim, status.st_ctim)
        #endif
        return Stamp(
            device: UInt64(truncatingIfNeeded: status.st_dev), inode: UInt64(truncatingIfNeeded: status.st_ino),
            size: Int64(status.st_size), modified: Stamp.Time(modified), changed: Stamp.Time(changed))
    }
}

extension FileOrBytes: Hashable {
    /// A bundle of certificates is hashed at each connection, and `Array` would feed it byte by byte: its end tells it from
    /// others well enough.
    func hash(into hasher: inout Hasher) {
        switch self {
        case .file(let path): hasher.combine(path)
        case .bytes(let bytes):
            hasher.combine(bytes.count)
            unsafe bytes.suffix(256).withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        }
    }
}

extension FileOrBytes: CustomStringConvertible {
    /// The path, or the size: never the content, which may be a key.
    var description: String {
        switch self {
        case .file(let path): path
        case .bytes(let bytes): "\(bytes.count) bytes in memory"
        }
    }
}

extension Sequence<FileOrBytes> {
    var paths: Set<String> {
        Set(compactMap { if case .file(let path) = $0 { path } else { nil } })
    }
}
