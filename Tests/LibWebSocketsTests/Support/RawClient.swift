import Dispatch
import LibC

/// A TCP connection to a server under test, for bytes that no proper client sends. It blocks a thread of Dispatch's while
/// it waits, none of Swift's.
final class RawClient: Sendable {
    struct Failure: Error {
        let call: String
        let errno: Int32
    }

    private let descriptor: Int32

    init(port: Int) throws {
        #if canImport(Glibc)
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        // Waiting here cannot be cancelled: so a server that does not do what it should fails the call in the end.
        var timeout = timeval(tv_sec: 20, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &timeout, socklen_t(MemoryLayout<timeval>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let code = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw Failure(call: "connect", errno: errno) }
    }

    deinit {
        close(descriptor)
    }

    func write(_ text: String) async throws {
        try await write(Array(text.utf8))
    }

    func write(_ bytes: [UInt8]) async throws {
        try await onThread { [descriptor] in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                guard count > 0 else { throw Failure(call: "send", errno: errno) }
                rest = rest.dropFirst(count)
            }
        }
    }

    /// Closes with a TCP reset (SO_LINGER of 0, socket(7)) when this goes.
    func resetWhenReleased() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
    }

    /// Everything up to the end of the connection, whether that is a FIN or a reset.
    func readToEnd() async throws -> [UInt8] {
        try await read { _ in false }
    }

    /// Makes the opening handshake; returns the head of the answer.
    @discardableResult
    func upgrade(trailing: [UInt8] = []) async throws -> String {
        let request = """
            GET / HTTP/1.1\r
            Host: localhost\r
            Upgrade: websocket\r
            Connection: Upgrade\r
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
            Sec-WebSocket-Version: 13\r
            \r\n
            """
        try await write(Array(request.utf8) + trailing)
        return String(decoding: try await read { $0.suffix(4) == Array("\r\n\r\n".utf8)[...] }, as: UTF8.self)
    }

    /// Reads until `isEnough`, asked after every byte, or the end.
    private func read(until isEnough: @escaping @Sendable ([UInt8]) -> Bool) async throws -> [UInt8] {
        try await onThread { [descriptor] in
            var bytes: [UInt8] = []
            while !isEnough(bytes) {
                var byte: UInt8 = 0
                let count = recv(descriptor, &byte, 1, 0)
                if count == 0 || count < 0 && errno == ECONNRESET { break }
                guard count > 0 else { throw Failure(call: "recv", errno: errno) }
                bytes.append(byte)
            }
            return bytes
        }
    }

    private func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(with: Result { try body() })
            }
        }
    }
}
