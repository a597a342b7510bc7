import Synchronization
import COpenSSL
import Dispatch
import TestSupport
import Testing
import WebSocketTesting

@testable import LibWebSockets

/// One connection floods its loop with KeyUpdates, records that cost the reader the making of new keys and carry nothing.
/// The time that they take to make measures the time that they take to read, on this machine and in its present state.
@Suite("A flood of KeyUpdates", .timeLimit(.minutes(10)), .serialized) struct KeyUpdateFloodTests {
    enum Moment: CaseIterable {
        /// TLS stands, and the flood comes in the place of the request or of its answer.
        case beforeUpgrade
        case afterUpgrade
    }

    private static let count = 40_000

    /// The course of a flood.
    private final class Flood: Sendable {
        struct Times {
            var making: Duration?
            var end: Duration?
        }

        let times = Lock(Times())
        private let failure = Lock<(any Error)?>(nil)

        /// Runs the hostile peer on a thread of Dispatch's.
        func start(_ moment: Moment, requesting: Bool, connect: @escaping @Sendable () throws -> HostileTLSPeer) {
            DispatchQueue.global().async {
                defer { self.times.withLock { $0.end = $0.end ?? .zero } }
                do {
                    let peer = try connect()
                    let start = ContinuousClock.now
                    let records = try peer.keyUpdates(KeyUpdateFloodTests.count, requesting: requesting)
                    let made = ContinuousClock.now
                    self.times.withLock { $0.making = start.duration(to: made) }
                    peer.sendRaw(records)
                    self.times.withLock { $0.end = made.duration(to: .now) }
                } catch {
                    self.failure.withLock { $0 = error }
                }
            }
        }

        /// The time that the records took to make, once they are made.
        func making() async throws -> Duration {
            while true {
                if let error = failure.withLock({ $0 }) { throw error }
                if let making = times.withLock({ $0.making }) { return making }
                try await Task.sleep(for: .milliseconds(5))
            }
        }

        var hasEnded: Bool { times.withLock { $0.end != nil } }
    }

    /// Echoes on a connection for as long as the flood lasts; returns the longest time that one took.
    private static func longestEcho(on socket: WebSocket, during flood: Flood) async throws -> Duration {
        var longest = Duration.zero
        while !flood.hasEnded {
            let start = ContinuousClock.now
            try await socket.send("x")
            _ = try await socket.receive(1)
            longest = max(longest, start.duration(to: .now))
        }
        return longest
    }

    @Test("A server that floods does not keep the client's loop from its other connections", arguments: [false, true])
    func client(requesting: Bool) async throws {
        try await withServer(.tls, handler: ServerPair.echo) { pair in
            let socket = try await pair.connect()
            let (listener, server) = (try RawListener(), try Self.hostileServer())
            let flood = Flood()
            flood.start(.afterUpgrade, requesting: requesting) {
                let peer = try HostileTLSPeer(
                    socket: listener.acceptSocket(), context: server.sslContext, isServer: true)
                try peer.acceptUpgrade()
                return peer
            }
            let victim = try await WebSocket.connect(
                to: "wss://localhost:\(listener.port)", configuration: pair.configuration, on: pair.clientLoop)
            let making = try await flood.making()
            let longest = try await Self.longestEcho(on: socket, during: flood)
            #expect(longest * 4 < making, "of \(Self.count) KeyUpdates, made in \(making)")
            victim.abort()
        }
    }

    @Test("A flood that a reset follows is read in turns, too, although nothing can be answered any more")
    func beforeAReset() async throws {
        try await withServer(.tls, handler: ServerPair.echo) { pair in
            let socket = try await pair.connect()
            let (listener, server) = (try RawListener(), try Self.hostileServer())
            let (isSent, mayReset) = (Relay<Duration>(), DispatchSemaphore(value: 0))
            let connecting = Task {
                try await WebSocket.connect(
                    to: "wss://localhost:\(listener.port)", configuration: pair.configuration, on: pair.clientLoop)
            }
            DispatchQueue.global().async {
                // The socket is closed, and the connection reset, when this has returned.
                let making = try? Self.floodAndReset(listener, server, after: mayReset)
                isSent.give(making ?? .zero)
            }
            let victim = try await connecting.value
            let release = await pair.clientLoop.occupy()
            mayReset.signal()
            let making = try await isSent.take()
            try #require(making > .zero)
            let turns = Turns(of: pair.clientLoop, before: victim)
            turns.count()
            release()
            _ = try await victim.closed()
            // 64 records without data at a time.
            #expect(turns.counted > Self.countBeforeAReset / 80)
            withExtendedLifetime(socket) {}
        }
    }

    /// - Returns: The time that the records took to make.
    private static func floodAndReset(
        _ listener: RawListener, _ server: TLSServer, after signal: DispatchSemaphore
    ) throws -> Duration {
        let peer = try HostileTLSPeer(socket: listener.acceptSocket(), context: server.sslContext, isServer: true)
        try peer.acceptUpgrade()
        signal.wait()
        let start = ContinuousClock.now
        // An answer to the first, which finds nobody, tells that nothing can be sent.
        let records =
            try peer.keyUpdates(1, requesting: true) + peer.keyUpdates(countBeforeAReset, requesting: false)
        let making = start.duration(to: .now)
        peer.sendRaw(records)
        peer.resetAtEnd()
        return making
    }

    /// Counts how often a loop comes to what others ask of it before a connection has ended.
    private final class Turns: Sendable {
        private let loop: SocketLoop
        private let socket: WebSocket
        private let number = Counter()

        init(of loop: SocketLoop, before socket: WebSocket) {
            self.loop = loop
            self.socket = socket
        }

        var counted: Int { number.value }

        func count() {
            try? loop.submit { _ in
                guard self.socket.closure == nil else { return }
                self.number.increment()
                self.count()
            }
        }
    }

    /// As many as a socket holds that nobody reads.
    private static let countBeforeAReset = 4_000

    @Test("A server that floods in the place of an answer does not outlast the deadline", arguments: [false, true])
    func clientDeadline(requesting: Bool) async throws {
        try await withServer(.tls, handler: ServerPair.echo) { pair in
            let socket = try await pair.connect()
            let (listener, server) = (try RawListener(), try Self.hostileServer())
            let flood = Flood()
            flood.start(.beforeUpgrade, requesting: requesting) {
                try HostileTLSPeer(socket: listener.acceptSocket(), context: server.sslContext, isServer: true)
            }
            // The deadline is counted from the attempt's start, and the flood has to be made first.
            var configuration = pair.configuration
            configuration.connectTimeout = .seconds(60)
            let victim = Task { [configuration] in
                try await WebSocket.connect(
                    to: "wss://localhost:\(listener.port)", configuration: configuration, on: pair.clientLoop)
            }
            let making = try await flood.making()
            let start = ContinuousClock.now
            let fired = try await pair.clientLoop.timerDelay(after: making / 10)
            let longest = try await Self.longestEcho(on: socket, during: flood)
            #expect(start.duration(to: fired) < making / 2, "of \(Self.count) KeyUpdates, made in \(making)")
            #expect(longest * 4 < making, "of \(Self.count) KeyUpdates, made in \(making)")
            victim.cancel()
            _ = await victim.result
        }
    }

    @Test(
        "A client that floods does not keep the server's loop from its other connections", arguments: Moment.allCases,
        [false, true])
    func server(moment: Moment, requesting: Bool) async throws {
        try await withServer(.tls, configuration: .init(handshakeTimeout: .seconds(60)), handler: ServerPair.echo) {
            pair in
            let socket = try await pair.connect()
            let port = pair.server.port
            let flood = Flood()
            flood.start(moment, requesting: requesting) {
                let context = try #require(SSL_CTX_new(TLS_client_method()))
                defer { SSL_CTX_free(context) }
                let peer = try HostileTLSPeer(
                    socket: LoopbackSocket.connect(to: UInt16(port)), context: context, isServer: false)
                if moment == .afterUpgrade {
                    try peer.write(LoopbackSocket.upgradeRequest)
                    _ = try peer.readHead()
                }
                return peer
            }
            let making = try await flood.making()
            let start = ContinuousClock.now
            let fired = try await pair.serverLoop.timerDelay(after: making / 10)
            let longest = try await Self.longestEcho(on: socket, during: flood)
            #expect(start.duration(to: fired) < making / 2, "of \(Self.count) KeyUpdates, made in \(making)")
            #expect(longest * 4 < making, "of \(Self.count) KeyUpdates, made in \(making)")
        }
    }

    private static func hostileServer() throws -> TLSServer {
        try TLSServer(try #require(try Security.tls.server))
    }
}

extension SocketLoop {
    /// The time at which a deadline of the loop's own that lies so far away was met.
    fileprivate func timerDelay(after delay: Duration) async throws -> ContinuousClock.Instant {
        try await withCheckedThrowingContinuation { continuation in
            do {
                try submit { core in
                    _ = core.schedule(after: delay) { continuation.resume(returning: .now) }
                }
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }
}
