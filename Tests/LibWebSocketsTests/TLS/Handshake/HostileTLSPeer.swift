import COpenSSL
import Dispatch
import TestSupport
import Testing
import LibC

/// One end of a TLS connection that sends what no proper one does. It blocks its thread: use it on one of Dispatch's.
final class HostileTLSPeer {
    private let socket: Int32
    private let ssl: OpaquePointer

    /// Takes over the socket and shakes hands.
    init(socket: Int32, context: OpaquePointer, isServer: Bool) throws {
        self.socket = socket
        guard let ssl = SSL_new(context) else { throw SystemCallFailure(call: "SSL_new", errno: 0) }
        self.ssl = ssl
        // Nothing here may wait for ever, not even for a victim that has stopped reading.
        var timeout = timeval(tv_sec: 2, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(socket, SOL_SOCKET, option, &timeout, socklen_t(MemoryLayout<timeval>.size))
        }
        SSL_set_fd(ssl, socket)
        ERR_clear_error()
        guard (isServer ? SSL_accept(ssl) : SSL_connect(ssl)) == 1 else {
            throw SystemCallFailure(call: "handshake", errno: errno)
        }
    }

    deinit {
        SSL_free(ssl)
        close(socket)
    }

    /// Has the system reset the connection when the socket is closed.
    func resetAtEnd() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
    }

    func write(_ text: String) throws {
        guard SSL_write(ssl, text, Int32(text.utf8.count)) > 0 else {
            throw SystemCallFailure(call: "SSL_write", errno: errno)
        }
    }

    /// Reads a head of HTTP.
    func readHead() throws -> String {
        var bytes: [UInt8] = []
        while bytes.suffix(4) != Array("\r\n\r\n".utf8)[...] {
            var byte: UInt8 = 0
            let count = SSL_read(ssl, &byte, 1)
            if count > 0 {
                bytes.append(byte)
            } else if SSL_get_error(ssl, count) != SSL_ERROR_WANT_READ {
                throw SystemCallFailure(call: "SSL_read", errno: errno)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Answers the opening handshake.
    func acceptUpgrade() throws {
        let head = try readHead()
        let line = try #require(head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("sec-websocket-key:") })
        let key = line.drop { $0 != ":" }.dropFirst().drop { $0 == " " }
        let text = Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)
        var digest = [UInt8](repeating: 0, count: 20)
        SHA1(text, text.count, &digest)
        var accept = [UInt8](repeating: 0, count: 32)
        let count = EVP_EncodeBlock(&accept, digest, 20)
        try write(
            """
            HTTP/1.1 101 Switching Protocols\r
            Upgrade: websocket\r
            Connection: Upgrade\r
            Sec-WebSocket-Accept: \(String(decoding: accept.prefix(Int(count)), as: UTF8.self))\r
            \r\n
            """)
    }

    /// The records of so many KeyUpdates (RFC 8446 section 4.6.3), made beforehand so that they can be sent faster than
    /// anybody reads them.
    ///
    /// - Parameters:
    ///   - requesting: whether the victim is to answer each.
    ///   - text: Data behind them.
    func keyUpdates(_ count: Int, requesting: Bool, then text: String? = nil) throws -> [UInt8] {
        guard let memory = BIO_new(BIO_s_mem()) else { throw SystemCallFailure(call: "BIO_new", errno: 0) }
        SSL_set0_wbio(ssl, memory)
        for _ in 0..<count {
            SSL_key_update(ssl, requesting ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED)
            guard SSL_do_handshake(ssl) == 1 else { throw SystemCallFailure(call: "SSL_key_update", errno: 0) }
        }
        if let text { try write(text) }
        var start: UnsafePointer<UInt8>?
        let size = copenssl_BIO_get_mem_data(memory, &start)
        return Array(UnsafeBufferPointer(start: start, count: size))
    }

    /// Sends bytes as they are, until all are sent or the victim does not take them any more.
    func sendRaw(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}

/// A listening socket on a port of 127.0.0.1 that the system chooses.
final class RawListener: Sendable {
    private let descriptor: Int32
    let port: Int

    init() throws {
        descriptor = socket(AF_INET, streamSocket, 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 8) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        port = Int(UInt16(bigEndian: address.sin_port))
        guard isListening else { throw SystemCallFailure(call: "listen", errno: errno) }
    }

    deinit { close(descriptor) }

    func acceptSocket() throws -> Int32 {
        let accepted = accept(descriptor, nil, nil)
        guard accepted >= 0 else { throw SystemCallFailure(call: "accept", errno: errno) }
        return accepted
    }
}
