internal import COpenSSL
internal import Synchronization

/// Handshakes that are announced for a socket but have not begun, so that the info callback can find them: it is given
/// only the `SSL*`, which libwebsockets makes and starts in one go.
///
/// The key is the socket and not, say, the thread, because with an HTTP proxy other connections begin their handshakes
/// between the announcement (TCP is up) and the start (the proxy has answered). References are weak: a connection that
/// ended before its handshake leaves nothing that a later socket with the same number could be taken for.
final class PendingTLSHandshakes: Sendable {
    private struct Weak {
        weak var handshake: TLSHandshake?
    }

    private struct State {
        var handshakes: [Int32: Weak] = [:]
        /// As many are looked through for what has ended; twice what was left then, so that it costs little for each.
        var limit = 64
    }

    private let state = Mutex(State())

    func insert(_ handshake: TLSHandshake, socket: Int32) {
        state.withLock { state in
            if state.handshakes.count >= state.limit {
                state.handshakes = state.handshakes.filter { $0.value.handshake != nil }
                state.limit = max(64, 2 * state.handshakes.count)
            }
            state.handshakes[socket] = Weak(handshake: handshake)
        }
    }

    func take(socket: Int32) -> TLSHandshake? {
        state.withLock { $0.handshakes.removeValue(forKey: socket)?.handshake }
    }

    private static let index = unsafe copenssl_SSL_CTX_get_ex_new_index(releaseExtraData)

    /// Makes this findable from the `SSL_CTX`, which keeps it alive: connections may outlast the `TLSClientContext`.
    func attach(to sslContext: OpaquePointer) {
        let reference = unsafe Unmanaged.passRetained(self).toOpaque()
        if unsafe SSL_CTX_set_ex_data(sslContext, Self.index, reference) != 1 {
            // Without it no handshake is found and every one fails, which is the safe side of out of memory.
            unsafe Unmanaged<PendingTLSHandshakes>.fromOpaque(reference).release()
        }
    }

    static func of(_ ssl: OpaquePointer) -> PendingTLSHandshakes? {
        guard let reference = unsafe SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), index) else { return nil }
        return unsafe Unmanaged<PendingTLSHandshakes>.fromOpaque(reference).takeUnretainedValue()
    }
}

/// Called by OpenSSL when an `SSL` or `SSL_CTX` is freed, with what was stored in it: always a retained Swift object.
func releaseExtraData(
    _: UnsafeMutableRawPointer?, _ reference: UnsafeMutableRawPointer?, _: UnsafeMutablePointer<CRYPTO_EX_DATA>?,
    _: Int32, _: Int, _: UnsafeMutableRawPointer?
) {
    guard let reference = unsafe reference else { return }
    unsafe Unmanaged<AnyObject>.fromOpaque(reference).release()
}
