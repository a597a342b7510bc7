import Synchronization
import LibWebSockets

/// A server that does to its clients exactly what a script says, however wrong: half a response, a masked frame, a
/// length of 2⁶³, a reset in the middle of a message, silence.
///
/// It is for tests of how a client takes such a peer. It shares nothing with this package's own WebSocket code, so that
/// the two cannot agree on the same mistake: it is made of POSIX sockets on threads of its own, and of OpenSSL for TLS.
///
/// ```swift
/// let script: [FaultServer.Step] = [
///     .upgrade(), .write(.text("hi", maskKey: [1, 2, 3, 4])), .readClose,
/// ]
/// try await FaultServer.withServer(script) { server in
///     let socket = try await WebSocket.connect(to: server.url())
///     await #expect(throws: WebSocketError.self) { try await socket.nextMessages() }
///     #expect(try await server.transcript().closeCode == 1002)
/// }
/// ```
///
/// A connection runs its script's steps in order. After the last one the server closes in good order: `close_notify`
/// under TLS, a FIN, and whatever the client still sends is read until it closes too. A step that cannot be carried out,
/// because the client went away, ends the script; ``Transcript/end`` says at which step and why.
public final class FaultServer: Sendable {
    /// The address that a server listens on. The port is always one that the system chooses.
    public enum Address: Sendable, CaseIterable {
        /// 127.0.0.1
        case ipv4Loopback
        /// ::1
        case ipv6Loopback
    }

    /// The address that it listens on.
    public let address: Address
    /// The port that the system chose.
    public let port: UInt16
    private let isTLS: Bool
    private let interrupt: FaultServerInterrupt
    private let listener: FaultServerListener
    private let acceptor: Lock<FaultServerThread?>
    private let log: FaultServerLog

    /// Starts a server that runs `scripts[n]` on the connection with index n, and the last script on every later one.
    ///
    /// - Parameters:
    ///   - address: The address to listen on.
    ///   - tls: The server's certificate and protocol versions; the handshake is made before the first step. Without it
    ///     the script acts on the bare TCP connection, also when the client speaks TLS.
    ///   - receiveBufferSize: `SO_RCVBUF` in bytes (socket(7)), to make a peer that does not read push back early. The system
    ///     takes the nearest that it can. `nil` leaves it to the system.
    ///   - scripts: At least one.
    /// - Throws: ``FaultServerError`` when there is no script, no socket can be had, or the certificate or key cannot be used.
    public convenience init(
        address: Address = .ipv4Loopback,
        tls: TLS? = nil,
        receiveBufferSize: Int? = nil,
        scripts: [[Step]]
    ) throws {
        guard !scripts.isEmpty else {
            throw FaultServerError(description: "FaultServer: there is no script to run; an empty one just closes")
        }
        let tlsContext = try tls.map { try FaultServerTLSContext($0) }
        try self.init(address: address, isTLS: tls != nil, receiveBufferSize: receiveBufferSize, backlog: 128)
        try startAccepting(scripts: scripts, tlsContext: tlsContext)
    }

    private init(address: Address, isTLS: Bool, receiveBufferSize: Int?, backlog: Int32) throws {
        self.address = address
        self.isTLS = isTLS
        listener = try FaultServerListener(address: address, receiveBufferSize: receiveBufferSize, backlog: backlog)
        port = listener.port
        interrupt = try FaultServerInterrupt()
        acceptor = Lock(nil)
        log = FaultServerLog()
    }

    /// A server whose queue of connections is full and stays so: a client's SYN gets no answer, as from a host that
    /// drops packets. For tests of the connect deadline; Linux only (tcp(7), a backlog of 0).
    public static func neverAccepting(address: Address = .ipv4Loopback) throws -> FaultServer {
        let server = try FaultServer(address: address, isTLS: false, receiveBufferSize: nil, backlog: 0)
        try server.listener.fillBacklog()
        return server
    }

    /// Runs `body` with a server and stops the server whatever happens.
    public static func withServer<Result>(
        _ scripts: [Step]...,
        address: Address = .ipv4Loopback,
        tls: TLS? = nil,
        receiveBufferSize: Int? = nil,
        _ body: (FaultServer) async throws -> Result
    ) async throws -> Result {
        let server = try FaultServer(
            address: address,
            tls: tls,
            receiveBufferSize: receiveBufferSize,
            scripts: scripts
        )
        defer { server.stop() }
        return try await body(server)
    }

    deinit {
        stop()
    }

    /// The server's URL, with the scheme that fits.
    ///
    /// - Parameters:
    ///   - host: The host to name, for example `localhost`; by default the address itself.
    ///   - path: Path and query.
    public func url(host: String? = nil, path: String = "/") -> String {
        let literal =
            switch address {
            case .ipv4Loopback: "127.0.0.1"
            case .ipv6Loopback: "[::1]"
            }
        return "\(isTLS ? "wss" : "ws")://\(host ?? literal):\(port)\(path)"
    }

    /// The number of connections that were accepted so far.
    public var connectionCount: Int { log.connectionCount }

    /// Waits until a connection was accepted.
    ///
    /// - Parameters:
    ///   - index: 0 for the first connection.
    ///   - limit: The longest wait; as ``WaitTimedOut`` says by default.
    /// - Throws: As ``transcript(of:within:)``.
    public func waitForConnection(_ index: Int = 0, within limit: Duration? = nil) async throws {
        try await log.waitForConnection(index, within: limit)
    }

    /// Returns the record of a connection, once it has ended: the script is through or broken off, and the socket closed.
    ///
    /// - Parameters:
    ///   - index: 0 for the first connection that was accepted.
    ///   - limit: The longest wait; as ``WaitTimedOut`` says by default.
    /// - Throws: ``FaultServerError`` when the server was stopped before that connection came or the index is negative,
    ///   ``WaitTimedOut``, `CancellationError` when the waiting task is cancelled.
    public func transcript(of index: Int = 0, within limit: Duration? = nil) async throws -> Transcript {
        try await log.transcript(of: index, within: limit)
    }

    /// Closes everything and waits for the server's threads to end, which takes no longer than closing the sockets.
    /// Connections that are still open end as ``Transcript/End/stopped(step:)``. Stopping again does nothing.
    public func stop() {
        interrupt.fire()
        acceptor.withLock { thread in
            thread?.join()
            thread = nil
        }
        listener.stop()
        log.close()
    }

    private func startAccepting(scripts: [[Step]], tlsContext: FaultServerTLSContext?) throws {
        // The thread holds the parts it needs and not the server, so that dropping the server stops it.
        let (listener, interrupt, log) = (listener, interrupt, log)
        let thread = try FaultServerThread {
            var running: [FaultServerThread] = []
            while let socket = listener.nextConnection(interrupt: interrupt) {
                running.removeAll { $0.joinIfFinished() }
                let index = log.addConnection()
                let script = scripts[min(index, scripts.count - 1)]
                do {
                    let thread = try FaultServerThread {
                        let stream = FaultServerStream(socket: socket, interrupt: interrupt)
                        let connection = FaultServerConnection(stream: stream, tlsContext: tlsContext, script: script)
                        log.record(connection.run(), of: index)
                    }
                    running.append(thread)
                } catch {
                    FaultServerStream(socket: socket, interrupt: interrupt).end()
                    log.record(Transcript(end: .failed(step: 0, "\(error)")), of: index)
                }
            }
            for thread in running { thread.join() }
        }
        acceptor.withLock { $0 = thread }
    }
}
