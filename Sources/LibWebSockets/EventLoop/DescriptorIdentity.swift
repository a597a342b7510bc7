#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// An open descriptor, with what tells it from a later one under the same number.
struct DescriptorIdentity {
    private let number: CInt
    private let device: dev_t
    private let inode: ino_t

    init?(_ number: CInt) {
        var status = stat()
        guard unsafe fstat(number, &status) == 0 else { return nil }
        self.number = number
        device = status.st_dev
        inode = status.st_ino
    }

    /// Ends the connection, or the listening, of a socket that nobody will close (shutdown(2)); not when somebody has.
    func shutDown() {
        guard let current = Self(number), current.device == device, current.inode == inode else { return }
        _ = shutdown(number, CInt(SHUT_RDWR))
    }
}
