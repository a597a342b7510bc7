import LibC
@testable import LibWebSockets

/// The sockets of this process, by the port at their other end. Looks at what the kernel says, so that nothing of ours
/// can hide one; and at one port only, so that tests that run beside this one do not matter.
enum OpenSockets {
    /// The number of sockets of this process that are connected, or connecting, to `port`.
    static func connected(to port: Int) -> Int {
        descriptors().count { peerPort(of: $0) == port }
    }

    /// The socket of this process that listens on `port`.
    static func listening(on port: Int) -> CInt? {
        descriptors().first { descriptor in
            var isListening: CInt = 0
            var length = socklen_t(MemoryLayout<CInt>.size)
            return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &length) == 0 && isListening == 1
                && SocketAddress(localEndOf: descriptor)?.port == port
        }
    }

    /// Every open descriptor.
    static func descriptors() -> [CInt] {
        guard let directory = opendir("/dev/fd") else { return [] }
        defer { closedir(directory) }
        let own = dirfd(directory)
        var descriptors: [CInt] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let descriptor = CInt(name), descriptor != own { descriptors.append(descriptor) }
        }
        return descriptors
    }

    /// The target of a descriptor, for a person: `12 (socket:[4711])`.
    static func description(of descriptor: CInt) -> String {
        let link = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            let count = readlink("/proc/self/fd/\(descriptor)", buffer.baseAddress!, buffer.count)
            return String(decoding: buffer.prefix(max(count, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        return "\(descriptor) (\(link))"
    }

    private static func peerPort(of descriptor: CInt) -> Int? {
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &address) { storage in
            let code = storage.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getpeername(descriptor, $0, &length)
            }
            guard code == 0 else { return nil }
            switch CInt(storage.pointee.ss_family) {
            case AF_INET:
                return storage.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                    Int(UInt16(bigEndian: $0.pointee.sin_port))
                }
            case AF_INET6:
                return storage.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                    Int(UInt16(bigEndian: $0.pointee.sin6_port))
                }
            default: return nil
            }
        }
    }
}
