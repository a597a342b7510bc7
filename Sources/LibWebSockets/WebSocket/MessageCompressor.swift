internal import Synchronization
internal import WebSocketProtocol

/// The compressor of one connection's messages, shared by its senders.
///
/// It has a lock of its own, taken before the connection's: compressing a large message takes tens of milliseconds, for
/// which the loop must not be kept waiting. `@unchecked Sendable` because the deflater is used under that lock only; a
/// `Mutex` that holds it would refuse to let raw memory in and out.
final class MessageCompressor: @unchecked Sendable {
    private let threshold: Int
    private let lock = Mutex(())
    private var deflater: Deflater

    /// `nil` when everything has to be sent uncompressed.
    init?(_ compression: AgreedCompression, role: Role) {
        guard let deflater = compression.parameters.makeDeflater(role: role, options: compression.options) else {
            return nil
        }
        self.deflater = deflater
        threshold = compression.options.threshold
    }

    /// Whether a frame goes through the compressor: whether a message is compressed is told by its first frame, when
    /// the size of a message in pieces is not known.
    func compresses(byteCount: Int, _ part: Connection.Part) -> Bool {
        if case .whole = part { byteCount >= threshold } else { true }
    }

    /// The deflater's output is valid inside of `body`.
    func withDeflater<Value>(_ body: (inout Deflater) throws -> Value) throws -> Value {
        var result: Result<Value, any Error>?
        lock.withLock { _ in
            result = Result { try body(&deflater) }
            deflater.recycleOutput()
        }
        return try result!.get()
    }
}
