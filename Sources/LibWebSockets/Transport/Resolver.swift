// With the C library's own module: which of the two declares what of <netdb.h> depends on the order of the build.
internal import CLibwebsockets
internal import Dispatch

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Looks host names up with the system's resolver, away from the loop: `getaddrinfo(3)` blocks, for seconds when a name
/// server is silent.
enum Resolver {
    private static let queue = DispatchQueue(label: "LibWebSockets.Resolver", attributes: .concurrent)

    /// Finds the addresses of `host`, in the system's order of preference (RFC 6724), none twice. A literal is its own
    /// address.
    ///
    /// - Parameter completion: Called once, on any thread; with ``WebSocketError`` when the name has no address.
    static func addresses(
        of host: String, port: Int, completion: @escaping @Sendable (Result<[SocketAddress], WebSocketError>) -> Void
    ) {
        if let literal = try? lookUp(host, port: port, flags: AI_NUMERICHOST) { return completion(.success(literal)) }
        queue.async {
            completion(Result { () throws(WebSocketError) in try lookUp(host, port: port, flags: 0) })
        }
    }

    private static func lookUp(_ host: String, port: Int, flags: CInt) throws(WebSocketError) -> [SocketAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_flags = flags
        unsafe hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else {
            let systemError = code == EAI_SYSTEM ? errno : nil
            let reason =
                unsafe systemError.map { unsafe String(cString: strerror($0)) } ?? String(cString: gai_strerror(code))
            throw WebSocketError(
                .nameResolutionFailed, stage: .nameResolution,
                message: """
                    the host name "\(host)" could not be resolved: \(reason). Is it spelt right, and does this machine's \
                    resolver work?
                    """, errno: systemError)
        }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = unsafe list
        while let entry = unsafe next?.pointee {
            if let address = unsafe SocketAddress(entry.ai_addr, length: entry.ai_addrlen), !addresses.contains(address)
            {
                addresses.append(address)
            }
            unsafe next = entry.ai_next
        }
        return addresses
    }
}
