import Foundation
import LibWebSockets
import Testing
import WebSocketCompat
import WebSocketTesting

/// A record of what happened, in order, from any thread.
final class Record<Element: Sendable>: Sendable {
    private let elements = Lock<[Element]>([])

    var all: [Element] { elements.withLock { $0 } }
    var count: Int { elements.withLock(\.count) }

    func add(_ element: Element) { elements.withLock { $0.append(element) } }

    /// Waits until so many are there.
    func wait(for count: Int, _ location: SourceLocation = #_sourceLocation) async throws {
        try await eventually("\(all.suffix(20))", location) { self.count >= count }
    }
}

/// Waits for what happens elsewhere. The deadline is there for bugs only.
func eventually(
    _ failure: @autoclosure () -> String = "", _ location: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while try await !condition() {
        guard ContinuousClock.now < deadline else {
            Issue.record("it did not happen: \(failure())", sourceLocation: location)
            throw NeverHappened()
        }
        try await Task.sleep(for: .milliseconds(2))
    }
}

struct NeverHappened: Error {}

/// Runs `body` with a server over wss, on a loop of its own.
func withServer(
    handler: @escaping WebSocketServer.Handler = TestServer.echo,
    configuration: WebSocketServer.Configuration = WebSocketServer.Configuration(),
    _ body: (TestServer) async throws -> Void
) async throws {
    let loop = SocketLoop()
    let server = try await TestServer.start(configuration: configuration, on: loop, handler: handler)
    do {
        try await body(server)
    } catch {
        await server.kill()
        await loop.shutDown()
        throw error
    }
    await server.kill()
    await loop.shutDown()
}

extension TestServer {
    /// Options of a client that trusts it.
    var options: WebSocketCompatOptions {
        var options = WebSocketCompatOptions()
        options.connection.tls = clientTLS
        options.connection.logger.logLevel = .critical
        options.connection.connectTimeout = .seconds(60)
        options.connection.closeTimeout = .seconds(2)
        return options
    }

    /// As ``options``, connecting again soon.
    var reconnectingOptions: WebSocketCompatOptions {
        var options = options
        options.reconnects = .exponential(initial: .milliseconds(5), maximum: .milliseconds(50))
        return options
    }

    var address: URL { URL(string: url) ?? URL(filePath: "/") }
}

/// Sends what it is told to, then echoes.
func greeting(_ messages: WebSocketMessage...) -> WebSocketServer.Handler {
    { socket, _ in
        for message in messages { try await socket.send(message) }
        for try await message in socket.messages { try await socket.send(message) }
    }
}

/// Closes each connection with a code, at the first message or at once.
func closing(_ code: UInt16, _ reason: String = "", afterMessage: Bool = false) -> WebSocketServer.Handler {
    { socket, _ in
        if afterMessage { _ = try await socket.receive() }
        await socket.close(code: CloseCode(rawValue: code), reason: reason)
    }
}
