internal import COpenSSL
internal import Synchronization

/// The sessions that a client may take up again, per server (RFC 8446 section 2.2, RFC 5077).
///
/// A resumed handshake checks no certificate, so a store belongs to one `TLSClientContext`, whose configuration verified
/// the certificate when the session began, and its keys hold the name that was verified.
final class TLSSessionStore: Sendable {
    struct Key: Hashable, Sendable {
        let name: TLSPeerName
        let port: Int
    }

    /// A session, released with the last reference. OpenSSL counts references atomically and nobody changes a stored
    /// session, so it may go from thread to thread.
    @safe final class Session: @unchecked Sendable {
        let pointer: OpaquePointer

        /// Takes over the reference.
        init(_ pointer: OpaquePointer) { unsafe self.pointer = pointer }
        deinit { unsafe SSL_SESSION_free(pointer) }

        var isTLS13: Bool { unsafe SSL_SESSION_get_protocol_version(pointer) >= TLS1_3_VERSION }

        func isUsable(at now: Int) -> Bool {
            unsafe SSL_SESSION_is_resumable(pointer) == 1
                && now < SSL_SESSION_get_time(pointer) + SSL_SESSION_get_timeout(pointer)
        }
    }

    /// Servers send two tickets by default; more only help clients that open many connections at once.
    static let sessionsPerServer = 4
    static let maximumServers = 256

    private struct State {
        var sessions: [Key: [Session]] = [:]
        /// Least recently used first.
        var order: [Key] = []
    }

    private let state = Mutex(State())

    func insert(_ session: Session, for key: Key) {
        state.withLock { state in
            var sessions = state.sessions[key] ?? []
            if !session.isTLS13 { sessions.removeAll() }
            sessions.append(session)
            if sessions.count > Self.sessionsPerServer { sessions.removeFirst() }
            state.sessions[key] = sessions
            state.order.removeAll { $0 == key }
            state.order.append(key)
            if state.order.count > Self.maximumServers { state.sessions[state.order.removeFirst()] = nil }
        }
    }

    /// The newest usable session. One of TLS 1.3 is given out once only, so that connections cannot be linked by it
    /// (RFC 8446 appendix C.4); one of TLS 1.2 stays, because the server need not send another.
    func take(for key: Key, now: Int) -> Session? {
        state.withLock { state in
            guard var sessions = state.sessions[key] else { return nil }
            sessions.removeAll { !$0.isUsable(at: now) }
            guard let session = sessions.last else {
                state.sessions[key] = nil
                state.order.removeAll { $0 == key }
                return nil
            }
            if session.isTLS13 { sessions.removeLast() }
            state.sessions[key] = sessions
            return session
        }
    }

    func removeAll(for key: Key) {
        state.withLock { state in
            state.sessions[key] = nil
            state.order.removeAll { $0 == key }
        }
    }
}
