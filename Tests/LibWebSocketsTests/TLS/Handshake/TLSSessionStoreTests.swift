import Synchronization
import COpenSSL
import Testing

@testable import LibWebSockets

@Suite struct TLSSessionStoreTests {
    private static func key(_ name: String) throws -> TLSSessionStore.Key {
        TLSSessionStore.Key(name: try TLSPeerName(name), port: 443, configuration: TLSClientConfiguration())
    }

    /// A session as it would come from a handshake.
    private static func session(
        version: Int32, lifetime: Int = 300, chainSize: Int = 0
    ) throws -> TLSSessionStore.Session {
        let session = try #require(SSL_SESSION_new())
        SSL_SESSION_set_protocol_version(session, version)
        copenssl_SSL_SESSION_set_time(session, 1_000)
        SSL_SESSION_set_timeout(session, lifetime)
        // Resumable means having an id or a ticket.
        SSL_SESSION_set1_id(session, [1, 2, 3], 3)
        return TLSSessionStore.Session(session, verification: .init(time: 1_000, expiry: .max), chainSize: chainSize)
    }

    private static let age: Int64 = 86_400

    @Test("A session of TLS 1.3 is given out once, one of TLS 1.2 again and again")
    func singleUse() throws {
        let store = TLSSessionStore(now: { 1_001 })
        store.insert(try Self.session(version: TLS1_3_VERSION), for: try Self.key("a"))
        #expect(store.take(for: try Self.key("a"), maximumAge: Self.age) != nil)
        #expect(store.take(for: try Self.key("a"), maximumAge: Self.age) == nil)
        store.insert(try Self.session(version: TLS1_2_VERSION), for: try Self.key("b"))
        #expect(store.take(for: try Self.key("b"), maximumAge: Self.age) != nil)
        #expect(store.take(for: try Self.key("b"), maximumAge: Self.age) != nil)
        #expect(store.take(for: try Self.key("c"), maximumAge: Self.age) == nil)
    }

    @Test("The newest session goes first, and the oldest are dropped")
    func order() throws {
        let store = TLSSessionStore(now: { 1_001 })
        let limit = TLSSessionStore.sessionsPerServer
        let sessions = try (0..<limit + 2).map { _ in try Self.session(version: TLS1_3_VERSION) }
        for session in sessions { store.insert(session, for: try Self.key("a")) }
        var taken: [TLSSessionStore.Session] = []
        while let session = store.take(for: try Self.key("a"), maximumAge: Self.age) { taken.append(session) }
        #expect(taken.map(ObjectIdentifier.init) == sessions.suffix(limit).reversed().map(ObjectIdentifier.init))
        #expect(store.usage == (0, 0))
    }

    @Test("A session that has timed out is not offered, nor one from after a clock was set back")
    func timeout() throws {
        let time = Lock<Int64>(1_009)
        let store = TLSSessionStore(now: { time.withLock { $0 } })
        store.insert(try Self.session(version: TLS1_2_VERSION, lifetime: 10), for: try Self.key("a"))
        #expect(store.take(for: try Self.key("a"), maximumAge: Self.age) != nil)
        time.withLock { $0 = 1_010 }
        #expect(store.take(for: try Self.key("a"), maximumAge: Self.age) == nil)
        time.withLock { $0 = 1_009 }
        #expect(store.take(for: try Self.key("a"), maximumAge: Self.age) == nil)
        store.insert(try Self.session(version: TLS1_2_VERSION, lifetime: 10), for: try Self.key("a"))
        time.withLock { $0 = 999 }
        #expect(store.take(for: try Self.key("a"), maximumAge: Self.age) == nil)
    }

    @Test("Sessions take a bounded amount of memory, and the servers connected to last keep theirs")
    func bounded() throws {
        let store = TLSSessionStore(now: { 1_001 })
        for index in 0..<2_000 {
            store.insert(try Self.session(version: TLS1_3_VERSION), for: try Self.key("host\(index)"))
            #expect(store.usage.size <= TLSSessionStore.maximumSize)
        }
        #expect(store.take(for: try Self.key("host0"), maximumAge: Self.age) == nil)
        #expect(store.take(for: try Self.key("host1900"), maximumAge: Self.age) != nil)
        #expect(store.take(for: try Self.key("host1999"), maximumAge: Self.age) != nil)
        #expect(store.usage.count > 500)
    }

    @Test("Sessions of a server can be forgotten")
    func removeAll() throws {
        let store = TLSSessionStore(now: { 1_001 })
        store.insert(try Self.session(version: TLS1_2_VERSION), for: try Self.key("a"))
        store.removeAll(for: try Self.key("a"))
        #expect(store.take(for: try Self.key("a"), maximumAge: Self.age) == nil)
    }
}
