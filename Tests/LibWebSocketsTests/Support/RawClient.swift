import TestSupport
import Dispatch
import LibC

/// A TCP connection to a server under test, for bytes that no proper client sends. It blocks a thread of Dispatch's while
/// it waits, none of Swift's.
final class RawClient: Sendable {
    private let descriptor: Int32

    init(port: Int) throws {
        // Waiting here cannot be cancelled: so a server that does not do what it should fails the call in the end.
        descriptor = try LoopbackSocket.connect(to: UInt16(port), timeout: .seconds(20))
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
                guard count > 0 else { throw SystemCallFailure(call: "send", errno: errno) }
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
        try await write(Array(LoopbackSocket.upgradeRequest.utf8) + trailing)
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
                guard count > 0 else { throw SystemCallFailure(call: "recv", errno: errno) }
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
