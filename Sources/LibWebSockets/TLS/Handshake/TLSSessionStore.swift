internal import Synchronization
internal import COpenSSL
internal import LibC

/// The sessions that a client may take up again, per server (RFC 8446 section 2.2, RFC 5077).
///
/// A resumed handshake checks no certificate, so a store belongs to one `TLSClientContext`, whose roots verified the
/// certificate when the session began. Its keys hold the name and everything else that decided the verification. A session
/// is worth no more than that: it ends with the chain, and grows old.
final class TLSSessionStore: Sendable {
    struct Key: Hashable, Sendable {
        let name: TLSPeerName
        let port: Int
        let pinnedKeys: [SPKIPin]
        /// The rest of what the configuration accepts of a certificate.
        let acceptsUntrustedRoots: Bool
        let acceptsAnyHostname: Bool
        let acceptsExpiredCertificates: Bool
        let ocspStapling: OCSPStapling

        init(name: TLSPeerName, port: Int, configuration: TLSClientConfiguration) {
            self.name = name
            self.port = port
            pinnedKeys = configuration.pinnedKeys
            acceptsUntrustedRoots = configuration.insecureAcceptsUntrustedRoots
            acceptsAnyHostname = configuration.insecureAcceptsAnyHostname
            acceptsExpiredCertificates = configuration.insecureAcceptsExpiredCertificates
            ocspStapling = configuration.ocspStapling
        }
    }

    /// The verification of a certificate chain, in seconds since 1970. A session that came out of a resumed one has it from
    /// there.
    struct Verification: Hashable, Sendable {
        let time: Int64
        /// The end of the chain's validity.
        let expiry: Int64
    }

    /// A session, released with the last reference. OpenSSL counts references atomically and nobody changes a stored
    /// session, so it may go from thread to thread.
    @safe final class Session: @unchecked Sendable {
        let pointer: OpaquePointer
        let verification: Verification
        /// Roughly the bytes of memory it takes.
        let size: Int

        /// Takes over the reference.
        ///
        /// - Parameter chainSize: The encoded bytes of the certificates that the server presented.
        init(_ pointer: OpaquePointer, verification: Verification, chainSize: Int) {
            unsafe self.pointer = pointer
            self.verification = verification
            // OpenSSL holds the ticket and the server's certificate, which it encodes here, decoded too; and it holds the
            // whole chain, of which each certificate takes some four times its encoding.
            size = unsafe 1_024 + 2 * Int(i2d_SSL_SESSION(pointer, nil)) + 4 * chainSize
        }

        deinit { unsafe SSL_SESSION_free(pointer) }

        var isTLS13: Bool { unsafe SSL_SESSION_get_protocol_version(pointer) >= TLS1_3_VERSION }

        /// - Parameter maximumAge: The most seconds since the certificate was verified.
        func isUsable(at now: Int64, maximumAge: Int64, acceptsExpired: Bool) -> Bool {
            let (time, hint) = unsafe (
                copenssl_SSL_SESSION_get_time(pointer), Int64(SSL_SESSION_get_ticket_lifetime_hint(pointer))
            )
            var timeout = Int64(unsafe SSL_SESSION_get_timeout(pointer))
            // A server that gives no hint leaves it to the client (RFC 5077 section 3.3).
            if hint > 0 { timeout = min(timeout, hint) }
            let age = now - verification.time
            return unsafe SSL_SESSION_is_resumable(pointer) == 1
                && now < time + timeout
                && (acceptsExpired || now <= verification.expiry)
                // A clock that was set back says nothing about the age.
                && age >= 0 && age < min(maximumAge, TLSClientConfiguration.longestSessionAge)
        }
    }

    /// Each connection uses one up and gets two by default, and as many connections may begin at once.
    static let sessionsPerServer = 64
    /// Of all servers together.
    static let maximumSize = 1 << 20

    @Sendable static func systemTime() -> Int64 { Int64(time(nil)) }

    private struct State {
        var sessions: [Key: [Session]] = [:]
        /// Least recently used first.
        var order: [Key] = []
        var size = 0

        mutating func touch(_ key: Key) {
            guard order.last != key else { return }
            order.removeAll { $0 == key }
            order.append(key)
        }

        mutating func set(_ kept: [Session], for key: Key) {
            size += kept.reduce(0) { $0 + $1.size } - (sessions[key] ?? []).reduce(0) { $0 + $1.size }
            if kept.isEmpty {
                sessions[key] = nil
                order.removeAll { $0 == key }
            } else {
                sessions[key] = kept
            }
        }
    }

    private let now: @Sendable () -> Int64
    private let state = Lock(State())

    /// - Parameter now: The time in seconds since 1970.
    init(now: @escaping @Sendable () -> Int64 = TLSSessionStore.systemTime) { self.now = now }

    /// The verification of a chain that ends with `expiry`, just made.
    func verification(expiry: Int64) -> Verification { Verification(time: now(), expiry: expiry) }

    func insert(_ session: Session, for key: Key) {
        guard session.size <= Self.maximumSize else { return }
        state.withLock { state in
            var sessions = session.isTLS13 ? state.sessions[key] ?? [] : []
            sessions.append(session)
            if sessions.count > Self.sessionsPerServer { sessions.removeFirst() }
            state.set(sessions, for: key)
            state.touch(key)
            while state.size > Self.maximumSize, let oldest = state.order.first {
                state.set(Array((state.sessions[oldest] ?? []).dropFirst()), for: oldest)
            }
        }
    }

    /// The newest usable session. One of TLS 1.3 is given out once only, so that connections cannot be linked by it
    /// (RFC 8446 appendix C.4); one of TLS 1.2 stays, because the server need not send another.
    ///
    /// - Parameter maximumAge: The most seconds since the server's certificate was verified.
    func take(for key: Key, maximumAge: Int64) -> Session? {
        let now = now()
        return state.withLock { state in
            guard var sessions = state.sessions[key] else { return nil }
            sessions.removeAll {
                !$0.isUsable(at: now, maximumAge: maximumAge, acceptsExpired: key.acceptsExpiredCertificates)
            }
            let session = sessions.last
            if let session, session.isTLS13 { sessions.removeLast() }
            state.set(sessions, for: key)
            return session
        }
    }

    func removeAll(for key: Key) { state.withLock { $0.set([], for: key) } }

    /// The number of sessions that are kept, and their size.
    var usage: (count: Int, size: Int) {
        state.withLock { ($0.sessions.values.reduce(0) { $0 + $1.count }, $0.size) }
    }
}
