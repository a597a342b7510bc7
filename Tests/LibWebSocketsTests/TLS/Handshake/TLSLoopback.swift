import TestSupport
import LibC
import COpenSSL
import Logging
import WebSocketTesting

@testable import LibWebSockets

/// A client and a server that shake hands over a socket pair in this thread, the client's `SSL*` made and treated the way
/// libwebsockets does it: its own SNI and verification callback set beforehand, the error queue cleared before each call,
/// freed without `SSL_shutdown`.
struct TLSLoopback {
    struct Outcome {
        var info: TLSConnectionInfo?
        var error: WebSocketError?
        /// The name that the server was asked for.
        var serverNameIndication: String?
        /// The server's choice among the client's offers.
        var alpn: String?
        /// The client as its server side knows it.
        var clientCertificate: PeerCertificate?

        var failure: TLSFailure? { error?.tlsFailure }
        var message: String { error?.message ?? "no error" }
    }

    var context: TLSClientContext
    var configuration: TLSClientConfiguration
    var server: TLSServer
    var host = "localhost"
    var port = 443

    init(
        client: TLSClientConfiguration, server: TLSServer, host: String = "localhost", port: Int = 443,
        now: @escaping @Sendable () -> Int64 = TLSSessionStore.systemTime
    ) throws {
        context = try TLSClientContext(client, now: now)
        configuration = client
        self.server = server
        self.host = host
        self.port = port
    }

    /// The same client, and so its sessions, with another server.
    func connecting(to server: TLSServer) -> TLSLoopback {
        var loopback = self
        loopback.server = server
        return loopback
    }

    /// Shakes hands, then has the server send a byte and the client read it, so that tickets and late alerts arrive.
    func connect(bound: Bool = true) throws -> Outcome {
        let sockets = try SocketPair()
        let handshake = try TLSHandshake(context: context, configuration: configuration, host: host, port: port)
        let client = try Self.client(context, socket: sockets.client)
        if bound { handshake.bind(to: client) }
        defer { SSL_free(client) }
        let accepting = server.accept(socket: sockets.server)
        defer { SSL_free(accepting) }

        var outcome = Outcome()
        var clientDone = false
        var serverDone = false
        // Each flight of a handshake takes one turn; a handshake has at most four.
        for _ in 0..<10 where outcome.error == nil && !(clientDone && serverDone) {
            if !clientDone {
                switch Self.step(client, SSL_connect) {
                case .done:
                    clientDone = true
                    do { outcome.info = try handshake.complete(client) } catch { outcome.error = error }
                case .again: break
                case .failed(let code): outcome.error = handshake.error(errno: code)
                }
            }
            if !serverDone {
                switch Self.step(accepting, SSL_accept) {
                case .done: serverDone = true
                case .again: break
                // The alert that says why is on its way to the client.
                case .failed: serverDone = true
                }
            }
        }
        if clientDone, outcome.error == nil {
            ERR_clear_error()
            _ = SSL_write(accepting, "x", 1)
            // One read ends with each ticket.
            for _ in 0..<5 {
                let step = Self.step(client) { ssl in
                    var byte: UInt8 = 0
                    return SSL_read(ssl, &byte, 1)
                }
                if case .failed(let code) = step { outcome.error = handshake.error(errno: code) }
                guard case .again = step else { break }
            }
        }
        outcome.serverNameIndication = SSL_get_servername(accepting, TLSEXT_NAMETYPE_host_name).map {
            String(cString: $0)
        }
        outcome.alpn = Self.selectedALPN(of: client)
        outcome.clientCertificate = accepting.flatMap { PeerCertificate(ofPeerOf: $0) }
        return outcome
    }

    /// Connects to a peer that is no TLS server: it answers the ClientHello with these bytes, or hangs up where there
    /// are none.
    static func connect(
        _ configuration: TLSClientConfiguration = TLSClientConfiguration(), toPeerAnswering answer: [UInt8]
    ) throws -> WebSocketError {
        let sockets = try SocketPair()
        let context = try TLSClientContext(configuration)
        let handshake = try TLSHandshake(
            context: context, configuration: configuration, host: "localhost", port: 443)
        let client = try client(context, socket: sockets.client)
        handshake.bind(to: client)
        defer { SSL_free(client) }
        for _ in 0..<3 {
            if case .failed(let code) = step(client, SSL_connect) { return handshake.error(errno: code) }
            var hello = [UInt8](repeating: 0, count: 4_096)
            _ = read(sockets.server, &hello, hello.count)
            if answer.isEmpty {
                sockets.closeServer()
            } else {
                _ = write(sockets.server, answer, answer.count)
            }
        }
        throw LoopbackError(description: "the handshake neither failed nor succeeded")
    }

    enum Step {
        case done, again
        case failed(errno: Int32?)
    }

    private static func step(_ ssl: OpaquePointer?, _ operation: (OpaquePointer?) -> Int32) -> Step {
        ERR_clear_error()
        errno = 0
        let result = operation(ssl)
        let code = errno
        if result == 1 { return .done }
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .again
        case SSL_ERROR_SYSCALL: return .failed(errno: code == 0 ? nil : code)
        default: return .failed(errno: nil)
        }
    }

    private static func client(_ context: TLSClientContext, socket: Int32) throws -> OpaquePointer {
        guard let ssl = SSL_new(context.sslContext) else { throw LoopbackError(description: "SSL_new failed") }
        SSL_set_fd(ssl, socket)
        return ssl
    }

    private static func selectedALPN(of ssl: OpaquePointer) -> String? {
        var name: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &name, &count)
        guard let name, count > 0 else { return nil }
        return String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
    }
}

extension TLSClientContext {
    convenience init(
        _ configuration: TLSClientConfiguration, now: @escaping @Sendable () -> Int64 = TLSSessionStore.systemTime
    ) throws(WebSocketError) {
        try self.init(
            configuration, logger: .silent, now: now)
    }
}

extension TLSClientContextCache {
    func context(for configuration: TLSClientConfiguration) throws(WebSocketError) -> TLSClientContext {
        try context(for: configuration, logger: .silent)
    }
}

struct LoopbackError: Error, CustomStringConvertible { let description: String }

/// A server's `SSL_CTX`.
final class TLSServer: Sendable {
    // OpenSSL allows threads to share a context that is no longer changed (openssl-threads(7)).
    nonisolated(unsafe) let sslContext: OpaquePointer

    /// - Parameter adjust: what a test does to it beyond what a configuration can say.
    init(_ configuration: TLSServerConfiguration, adjust: (OpaquePointer) -> Void = { _ in }) throws {
        guard let made = SSL_CTX_new(TLS_server_method()) else {
            throw LoopbackError(description: "SSL_CTX_new failed")
        }
        sslContext = made
        try configuration.configure(sslContext)
        SSL_CTX_set_alpn_select_cb(
            sslContext,
            { _, out, outCount, offered, offeredCount, _ in
                // The first that the client offers, so that a test sees what it offered.
                guard let offered, offeredCount > 1 else { return SSL_TLSEXT_ERR_NOACK }
                out?.pointee = offered + 1
                outCount?.pointee = offered[0]
                return SSL_TLSEXT_ERR_OK
            }, nil)
        adjust(sslContext)
    }

    deinit { SSL_CTX_free(sslContext) }

    func accept(socket: Int32) -> OpaquePointer? {
        let ssl = SSL_new(sslContext)
        SSL_set_fd(ssl, socket)
        return ssl
    }
}

/// Two connected non-blocking sockets.
final class SocketPair {
    let client: Int32
    let server: Int32
    private var serverIsOpen = true

    init() throws {
        var descriptors: [Int32] = [0, 0]
        guard socketpair(AF_UNIX, streamSocket, 0, &descriptors) == 0 else {
            throw LoopbackError(description: "socketpair failed: errno \(errno)")
        }
        (client, server) = (descriptors[0], descriptors[1])
        for descriptor in descriptors {
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
            // The process of an exit test would keep the connection open.
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        }
        // SSL_write uses write(2); libwebsockets ignores the signal for the whole process too.
        signal(SIGPIPE, SIG_IGN)
    }

    func closeServer() {
        if serverIsOpen { close(server) }
        serverIsOpen = false
    }

    deinit {
        close(client)
        closeServer()
    }
}
