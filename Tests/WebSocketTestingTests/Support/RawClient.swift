import COpenSSL
import WebSocketTesting
import LibC

/// A client of plain blocking sockets, with TLS when asked. Every call fails after ten seconds instead of waiting on.
final class RawClient {
    struct Failure: Error, CustomStringConvertible {
        let description: String
        var errno: Int32 = 0
    }

    private let descriptor: Int32
    private var isOpen = true
    private var tls: (context: OpaquePointer, ssl: OpaquePointer)?

    /// - Parameter blocking: Waits for the connection; when false, ``isConnected(within:)`` tells how the attempt goes on.
    convenience init(_ server: FaultServer, blocking: Bool = true) throws {
        try self.init(address: server.address, port: server.port, blocking: blocking)
    }

    init(address: FaultServer.Address = .ipv4Loopback, port: UInt16, blocking: Bool = true) throws {
        let family = address == .ipv4Loopback ? AF_INET : AF_INET6
        descriptor = socket(family, streamSocket, 0)
        var timeout = timeval(tv_sec: 10, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &timeout, socklen_t(MemoryLayout.size(ofValue: timeout)))
        }
        if !blocking { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
        let result: Int32
        switch address {
        case .ipv4Loopback:
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            result = Self.connectSocket(descriptor, to: address)
        case .ipv6Loopback:
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            address.sin6_addr = in6addr_loopback
            result = Self.connectSocket(descriptor, to: address)
        }
        guard result == 0 || errno == EINPROGRESS else { throw Failure(description: "connect", errno: errno) }
    }

    deinit { disconnect() }

    private static func connectSocket<Address>(_ descriptor: Int32, to address: Address) -> Int32 {
        withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                connect(descriptor, pointer, socklen_t(MemoryLayout<Address>.size))
            }
        }
    }

    func isConnected(withinMilliseconds milliseconds: Int32) -> Bool {
        var polled = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&polled, 1, milliseconds) == 1
    }

    /// Makes a TLS handshake that trusts any certificate, with versions in the given range.
    func startTLS(
        from minimum: FaultServer.TLS.Version = .tls12,
        to maximum: FaultServer.TLS.Version = .tls13,
        ciphers: String = "DEFAULT"
    ) throws {
        let context = SSL_CTX_new(TLS_client_method())!
        SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, minimum.rawValue, nil)
        SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, maximum.rawValue, nil)
        SSL_CTX_set_cipher_list(context, ciphers)
        let ssl = SSL_new(context)!
        tls = (context, ssl)
        SSL_set_fd(ssl, descriptor)
        guard SSL_connect(ssl) == 1 else { throw Failure(description: Self.openSSLError()) }
    }

    var tlsVersion: String? { tls.map { String(cString: SSL_get_version($0.ssl)) } }

    /// The server has said `close_notify`.
    var receivedCloseNotify: Bool { tls.map { SSL_get_shutdown($0.ssl) & SSL_RECEIVED_SHUTDOWN != 0 } ?? false }

    func write(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { buffer in
                if let tls { return Int(SSL_write(tls.ssl, buffer.baseAddress, Int32(buffer.count))) }
                #if canImport(Darwin)
                    return send(descriptor, buffer.baseAddress, buffer.count, 0)
                #else
                    return send(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL))
                #endif
            }
            guard count > 0 else { throw Failure(description: "send", errno: errno) }
            rest = rest.dropFirst(count)
        }
    }

    func write(_ text: String) throws { try write(Array(text.utf8)) }

    /// The bytes of one read; empty at the end of the stream.
    func receiveSome() throws -> [UInt8] {
        var failure: Failure?
        let bytes = [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, initialized in
            let count: Int
            if let tls {
                ERR_clear_error()
                count = Int(SSL_read(tls.ssl, buffer.baseAddress, Int32(buffer.count)))
                if count <= 0, SSL_get_error(tls.ssl, Int32(count)) != SSL_ERROR_ZERO_RETURN {
                    failure = Failure(description: Self.openSSLError(), errno: errno)
                }
            } else {
                count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
                if count < 0 { failure = Failure(description: "recv", errno: errno) }
            }
            initialized = max(count, 0)
        }
        if let failure { throw failure }
        return bytes
    }

    func receive(_ count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let some = try receiveSome()
            guard !some.isEmpty else { throw Failure(description: "the stream ended after \(bytes.count) bytes") }
            bytes += some
        }
        return bytes
    }

    func receiveUntilEnd() throws -> [UInt8] {
        var bytes: [UInt8] = []
        while case let some = try receiveSome(), !some.isEmpty { bytes += some }
        return bytes
    }

    /// Sends a request for an upgrade and returns the response's head.
    @discardableResult
    func upgrade(key: String = "dGhlIHNhbXBsZSBub25jZQ==") throws -> String {
        try write(
            "GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Key: \(key)\r\nSec-WebSocket-Version: 13\r\n\r\n")
        var head = ""
        while !head.hasSuffix("\r\n\r\n") { head += String(decoding: try receiveSome(), as: UTF8.self) }
        return head
    }

    func shutDownWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

    func disconnect() {
        guard isOpen else { return }
        isOpen = false
        if let tls {
            SSL_free(tls.ssl)
            SSL_CTX_free(tls.context)
        }
        close(descriptor)
    }

    private static func openSSLError() -> String {
        let code = ERR_get_error()
        guard code != 0 else { return "no error from OpenSSL" }
        return String(cString: ERR_reason_error_string(code))
    }
}
