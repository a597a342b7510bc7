internal import Synchronization
internal import WebSocketProtocol

/// The compressor of one connection's messages, shared by its senders.
///
/// It has a lock of its own, taken before the connection's: compressing a large message takes tens of milliseconds, for
/// which the loop must not be kept waiting. `@unchecked Sendable` because the deflater is used under that lock only; a
/// `Lock` that holds it would refuse to let raw memory in and out.
final class MessageCompressor: @unchecked Sendable {
    private let threshold: Int
    private let lock = Lock(())
    private var deflater: Deflater?
    private let isReleased = Atomic<Bool>(false)

    /// `nil` when everything has to be sent uncompressed.
    init?(_ compression: AgreedCompression, role: Role) {
        guard let deflater = compression.parameters.makeDeflater(role: role, options: compression.options) else {
            return nil
        }
        self.deflater = consume deflater
        threshold = compression.options.threshold
    }

    /// Tells whether a frame goes through the compressor. The first frame of a message decides for the whole, when the size
    /// of a message in pieces is not known.
    func compresses(byteCount: Int, _ part: Connection.Part) -> Bool {
        if case .whole = part { byteCount >= threshold } else { true }
    }

    /// The deflater's output is valid inside of `body`.
    ///
    /// - Returns: `nil` once the deflater was released.
    func withDeflater<Value>(_ body: (inout Deflater) throws -> Value) throws -> Value? {
        var result: Result<Value, any Error>?
        lock.withLock { _ in
            guard deflater != nil else { return }
            result = Result { try body(&deflater!) }
            deflater?.recycleOutput()
        }
        // Looked at without the lock, which kept a release that came meanwhile from doing it.
        if isReleased.load(ordering: .sequentiallyConsistent) { lock.withLockIfAvailable { _ in deflater = nil } }
        return try result?.get()
    }

    /// Nothing more is sent: lets go of the deflater, without waiting for a sender that is using it, which does so then.
    func release() {
        isReleased.store(true, ordering: .sequentiallyConsistent)
        lock.withLockIfAvailable { _ in deflater = nil }
    }
}
