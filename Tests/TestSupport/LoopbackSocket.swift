internal import LibC

package enum LoopbackSocket {
    /// A blocking socket that is connected to a port of 127.0.0.1; the caller closes it.
    ///
    /// - Parameters:
    ///   - timeout: The longest that any call with it waits; `nil` for no limit.
    ///   - receiveBufferSize: The bytes that it takes although nobody reads them, as a hint; `nil` for the system's choice.
    package static func connect(
        to port: UInt16, timeout: Duration? = nil, receiveBufferSize: CInt? = nil
    ) throws(SystemCallFailure) -> CInt {
        let descriptor = socket(AF_INET, streamSocket, 0)
        if let (seconds, attoseconds) = timeout?.components {
            var limit = timeval(tv_sec: Int(seconds), tv_usec: .init(attoseconds / 1_000_000_000_000))
            for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
                setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
            }
        }
        // Only before it is connected does this bound the window.
        if var size = receiveBufferSize {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<CInt>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let code = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                systemConnect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else {
            let failure = SystemCallFailure(call: "connect", errno: errno)
            close(descriptor)
            throw failure
        }
        return descriptor
    }

    /// A request for an upgrade, as bytes that no client of ours has made.
    package static let upgradeRequest = """
        GET / HTTP/1.1\r
        Host: localhost\r
        Upgrade: websocket\r
        Connection: Upgrade\r
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
        Sec-WebSocket-Version: 13\r
        \r\n
        """
}
