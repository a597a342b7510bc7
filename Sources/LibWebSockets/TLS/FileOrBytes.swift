#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Where certificates and keys come from.
enum FileOrBytes: Hashable, Sendable {
    case file(String)
    case bytes([UInt8])

    /// More than any bundle of certificates, and little enough to keep a wrong path (`/dev/zero`) from filling memory.
    static let maximumSize = 16 << 20

    /// The content; a file is read whole.
    ///
    /// - Parameter purpose: what the content is for, as it appears in an error: "CA certificates".
    /// - Throws: `invalidConfiguration` with the path and the system's reason.
    func read(for purpose: String) throws(WebSocketError) -> [UInt8] {
        guard case .file(let path) = self else {
            guard case .bytes(let bytes) = self else { return [] }
            return bytes
        }
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.unreadable(path, purpose, errno) }
        defer { close(descriptor) }

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
            #if canImport(Glibc)
                let count = unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            #elseif canImport(Musl)
                let count = unsafe Musl.read(descriptor, buffer.baseAddress, buffer.count)
            #else
                let count = unsafe Darwin.read(descriptor, buffer.baseAddress, buffer.count)
            #endif
            if count >= 0 || errno != EINTR { return count }
        }
    }

    private static func unreadable(_ path: String, _ purpose: String, _ code: Int32) -> WebSocketError {
        let reason = unsafe String(cString: strerror(code))
        return WebSocketError(
            .invalidConfiguration, stage: .configuration,
            message: "The \(purpose) file \(path) cannot be read: \(reason).", errno: code)
    }

    /// What tells a changed file from an unchanged one without reading it; `nil` for bytes and for a missing file.
    struct Stamp: Hashable, Sendable {
        let device: UInt64
        let inode: UInt64
        let size: Int64
        let seconds: Int64
        let nanoseconds: Int64
    }

    var stamp: Stamp? {
        guard case .file(let path) = self else { return nil }
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        #if canImport(Darwin)
            let modified = status.st_mtimespec
        #else
            let modified = status.st_mtim
        #endif
        return Stamp(
            device: UInt64(truncatingIfNeeded: status.st_dev), inode: UInt64(truncatingIfNeeded: status.st_ino),
            size: Int64(status.st_size), seconds: Int64(modified.tv_sec), nanoseconds: Int64(modified.tv_nsec))
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
