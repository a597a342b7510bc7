internal import Synchronization
internal import LibWebSockets
internal import LibC

/// The server of one case: a listening socket and threads of its own, so that a case that stalls stalls nobody else.
final class CaseServer: Sendable {
    /// Enough for any client, and few enough to serve them by threads.
    private static let connectionLimit = 64

    let test: CertificateCase
    let port: UInt16
    private let interrupt: FaultServerInterrupt
    private let listener: FaultServerListener
    /// Keeps others from the port on the other family's loopback address, where `localhost` may lead too.
    private let reservation: LoopbackReservation?
    private let acceptor = Lock<FaultServerThread?>(nil)
    private let record: CaseServerRecord

    /// - Parameters:
    ///   - port: 0 for one that the system chooses.
    ///   - report: Told of each connection when it has ended, on a thread of the server's.
    init(
        _ test: CertificateCase, script: CaseScript, port: UInt16,
        report: @escaping @Sendable (CertificateCase.Connection) -> Void
    ) throws {
        self.test = test
        record = CaseServerRecord(report: report)
        let address = test.facts.attempts[0].host.address
        (listener, reservation) = try Self.listen(address, port: port)
        self.port = listener.port
        interrupt = try FaultServerInterrupt()
        try startAccepting(script)
    }

    deinit { stop() }

    /// The records of the connections that have ended, in the order of their ends.
    var ended: [CertificateCase.Connection] { record.connections }

    /// Takes all further connections for the one with this index, however often the client tries.
    func pin(connection index: Int) { record.pinnedConnection = index }

    /// Waits until all connections that clients have made are over, for as long as that: what a client did is known only then.
    func idle(within limit: Duration) async {
        let (ends, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        record.observe(continuation)
        let watchdog = Task {
            try await Task.sleep(for: limit)
            continuation.finish()
        }
        defer {
            watchdog.cancel()
            record.observe(nil)
        }
        while listener.hasPendingConnection || record.hasOpenConnection {
            var iterator = ends.makeAsyncIterator()
            guard await iterator.next() != nil else { return }
        }
    }

    /// Ends every connection and waits for the threads, which takes no longer than closing the sockets.
    func stop() {
        interrupt.fire()
        acceptor.withLock { thread in
            thread?.join()
            thread = nil
        }
        listener.stop()
        reservation?.release()
    }

    private static func listen(
        _ address: FaultServer.Address, port: UInt16
    ) throws -> (FaultServerListener, LoopbackReservation?) {
        let other: FaultServer.Address = address == .ipv4Loopback ? .ipv6Loopback : .ipv4Loopback
        // A port that somebody has on the other address is given back, as long as any will do.
        for _ in 0..<16 {
            let listener = try FaultServerListener(address: address, port: port)
            switch LoopbackReservation.make(other, port: listener.port) {
            case .made(let reservation): return (listener, reservation)
            case .unavailable: return (listener, nil)
            case .taken where port != 0: return (listener, nil)
            case .taken: listener.stop()
            }
        }
        throw FaultServerError(description: "no port is free on both 127.0.0.1 and ::1")
    }

    private func startAccepting(_ script: CaseScript) throws {
        // The threads hold the parts they need and not the server, so that dropping the server stops it.
        let (listener, interrupt, record) = (listener, interrupt, record)
        let attemptCount = test.facts.attempts.count
        let thread = try FaultServerThread {
            var running: [FaultServerThread] = []
            var count = 0
            while let socket = listener.nextConnection(interrupt: interrupt, accept: record.accept) {
                running.removeAll { $0.joinIfFinished() }
                let index = record.pinnedConnection ?? count
                count += 1
                do {
                    guard running.count < Self.connectionLimit else {
                        throw FaultServerError(description: "\(Self.connectionLimit) connections are open")
                    }
                    let thread = try FaultServerThread {
                        let stream = FaultServerStream(socket: socket, interrupt: interrupt)
                        var connection = CaseConnection(stream: stream, script: script, index: index).run()
                        connection.attempt = index % attemptCount
                        record.append(connection)
                    }
                    running.append(thread)
                } catch {
                    // The client sees that the server has no room for it.
                    FaultServerStream(socket: socket, interrupt: interrupt).end()
                    record.append(nil)
                }
            }
            for thread in running { thread.join() }
        }
        acceptor.withLock { $0 = thread }
    }
}

/// The exchange of facts with a server's threads: what they tell, and are told.
private final class CaseServerRecord: Sendable {
    private struct State {
        var connections: [CertificateCase.Connection] = []
        var pinnedConnection: Int?
        var openCount = 0
        var observer: AsyncStream<Void>.Continuation?
    }

    private let state = Lock(State())
    private let report: @Sendable (CertificateCase.Connection) -> Void

    init(report: @escaping @Sendable (CertificateCase.Connection) -> Void) { self.report = report }

    var connections: [CertificateCase.Connection] { state.withLock { $0.connections } }

    /// The connection that further ones are taken for; `nil` when they are counted.
    var pinnedConnection: Int? {
        get { state.withLock { $0.pinnedConnection } }
        set { state.withLock { $0.pinnedConnection = newValue } }
    }

    var hasOpenConnection: Bool { state.withLock { $0.openCount > 0 } }

    /// Told whenever a connection is over.
    func observe(_ observer: AsyncStream<Void>.Continuation?) { state.withLock { $0.observer = observer } }

    /// accept(2); counts the connection before it is no longer one that waits to be accepted.
    @Sendable func accept(_ descriptor: Int32) -> Int32 {
        state.withLock { $0.openCount += 1 }
        let connection = FaultServerListener.accept(descriptor)
        if connection < 0 {
            let code = errno
            state.withLock { $0.openCount -= 1 }
            errno = code
        }
        return connection
    }

    /// - Parameter connection: `nil` for one that was not served.
    func append(_ connection: CertificateCase.Connection?) {
        let observer = state.withLock { state in
            state.openCount -= 1
            if let connection { state.connections.append(connection) }
            // A server may run for days.
            if state.connections.count > 1_024 { state.connections.removeFirst() }
            return state.observer
        }
        observer?.yield()
        if let connection { report(connection) }
    }
}
