// Both modules, because the order of the build decides which of the two declares what of <netdb.h>.
internal import CLibwebsockets
internal import LibC

/// An address that a socket can be connected to: a numeric address and a port, or the path of a Unix domain socket.
struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
    /// An IPv4 or IPv6 literal without brackets, or a path.
    var host: String
    /// 0 for a path.
    var port: Int

    var isUnix: Bool { host.hasPrefix("/") }
    var isIPv6: Bool { !isUnix && host.contains(":") }

    var description: String {
        isUnix ? host : isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// The address in libwebsockets' form: a leading `+` marks a path.
    var libwebsocketsAddress: String {
        isUnix ? "+\(host)" : host
    }

    /// `sun_path` of unix(7) holds 107 bytes and a NUL.
    static func validate(unixPath path: String) throws(WebSocketError) {
        guard path.hasPrefix("/"), path.utf8.count <= 107, !path.utf8.contains(0) else {
            throw WebSocketError(
                .invalidConfiguration, stage: .configuration,
                message: "the Unix socket path \"\(path)\" must be absolute and at most 107 bytes long")
        }
    }
}

extension SocketAddress {
    /// `nil` for an address that is not an internet one.
    init?(_ address: UnsafePointer<sockaddr>, length: socklen_t) {
        var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        var service = [CChar](repeating: 0, count: Int(NI_MAXSERV))
        let code = unsafe getnameinfo(
            address, length, &host, socklen_t(host.count), &service, socklen_t(service.count),
            NI_NUMERICHOST | NI_NUMERICSERV)
        guard code == 0, let port = Int(Self.text(service)) else { return nil }
        self.init(host: Self.text(host), port: port)
    }

    /// The address to which a socket is bound.
    init?(localEndOf descriptor: CInt) {
        unsafe self.init { address, length in unsafe getsockname(descriptor, address, length) }
    }

    /// The address to which a socket is connected.
    init?(peerOf descriptor: CInt) {
        unsafe self.init { address, length in unsafe getpeername(descriptor, address, length) }
    }

    private init?(_ ask: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> CInt) {
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let found = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address -> SocketAddress? in
                guard unsafe ask(address, &length) == 0 else { return nil }
                return unsafe SocketAddress(address, length: length)
            }
        }
        guard let found else { return nil }
        self = found
    }

    /// Tells whether a socket that was to be connected to this address is. The unspecified address means this machine
    /// (tcp(7)), and IPv4 may be written as IPv6 (RFC 4291 section 2.5.5.2).
    func isPeer(of descriptor: CInt) -> Bool? {
        guard !isUnix else { return true }
        guard let peer = SocketAddress(peerOf: descriptor) else { return nil }
        return peer.port == port
            && (["0.0.0.0", "::"].contains(host) || Self.unmapped(host) == Self.unmapped(peer.host))
    }

    private static func unmapped(_ host: String) -> Substring {
        host.hasPrefix("::ffff:") ? host.dropFirst(7) : host[...]
    }

    private static func text(_ buffer: [CChar]) -> String {
        String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
