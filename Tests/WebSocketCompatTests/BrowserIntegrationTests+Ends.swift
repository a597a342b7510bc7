import BrowserCompat
import Foundation
import LibWebSockets
import TestSupport
import Testing
import WebSocketTesting

// A socket that fails, comes back and goes.
extension BrowserIntegrationTests {
    // MARK: Failing

    @Test("A refusal, an untrusted certificate and a closed port look the same: error, then close with 1006")
    func whateverFailsLooksTheSame() async throws {
        var refusing = WebSocketServer.Configuration()
        refusing.decide = { _ in .refuse(.forbidden) }
        try await withServer(configuration: refusing) { server in
            var untrusted = server.options
            untrusted.connection.tls.trustRoots = .system
            for (url, options) in [
                (server.url, server.options), (server.url, untrusted), ("ws://localhost:1", server.options),
            ] {
                let record = Collector<String>()
                let socket = try BrowserWebSocket(url, options: options)
                observe(socket, record)
                try await record.wait(for: 2)
                #expect(record.all == ["error CLOSED", "close CLOSED false 1006 "])
            }
        }
    }

    @Test("A server that chooses none of the protocols asked for fails the connection")
    func aServerThatChoosesNoProtocolIsFailed() async throws {
        try await withServer { server in
            let record = Collector<String>()
            let socket = try BrowserWebSocket(server.url, "chat", options: server.options)
            observe(socket, record)
            try await record.wait(for: 2)
            #expect(record.all == ["error CLOSED", "close CLOSED false 1006 "])
        }
    }

    @Test("The protocol that the server chooses is shown") func theProtocolThatTheServerChoosesIsShown() async throws {
        var configuration = WebSocketServer.Configuration()
        configuration.decide = { .accept(subprotocol: $0.subprotocols.last) }
        try await withServer(configuration: configuration) { server in
            let record = Collector<String>()
            let socket = try BrowserWebSocket(server.url, ["a", "b"], options: server.options)
            observe(socket, record)
            try await record.wait(for: 1)
            #expect(socket.protocol == "b")
            socket.close()
        }
    }

    @Test("A loss in the middle of a message is an error and then a close")
    func aLossInTheMiddleOfAMessageIsAnErrorAndThenAClose() async throws {
        let server = try FaultServer(scripts: [[.upgrade(), .write([0x81, 0x05, 0x68]), .reset]])
        defer { server.stop() }
        let record = Collector<String>()
        let socket = try BrowserWebSocket(server.url())
        observe(socket, record)
        try await record.wait(for: 3)
        #expect(record.all == ["open OPEN", "error CLOSED", "close CLOSED false 1006 "])
    }

    @Test("A breach of the protocol is told to the peer with 1007, and is an error and then a close")
    func abuseOfTheProtocolIsAnErrorAndThenAClose() async throws {
        let server = try FaultServer(scripts: [[.upgrade(), .write([0x81, 0x01, 0xFF]), .readClose]])
        defer { server.stop() }
        let record = Collector<String>()
        let socket = try BrowserWebSocket(server.url())
        observe(socket, record)
        try await record.wait(for: 3)
        #expect(record.all == ["open OPEN", "error CLOSED", "close CLOSED false 1006 "])
        #expect(try await server.transcript().closeCode == 1007)
    }

    // MARK: Life

    @Test("With one line, a socket comes back with the server, until it is closed")
    func withOneLineItComesBackWithTheServer() async throws {
        try await withServer { server in
            let record = Collector<String>()
            let socket = try BrowserWebSocket(server.url, options: server.reconnectingOptions)
            observe(socket, record)
            try await record.wait(for: 1)
            await server.stop()
            try await record.wait(for: 2)
            try await server.restart()
            try await eventually("\(record.all)") { record.all.last == "open OPEN" && record.count > 2 }
            try socket.send("again")
            try await eventually("\(record.all)") { record.all.last == "message again" }
            #expect(record.all[1] == "close CLOSED true 1001 the server stops")
            socket.close()
            try await eventually { socket.readyState == .CLOSED }
            try await Task.sleep(for: .milliseconds(200))
            #expect(record.all.last == "close CLOSED true 1005 ")
        }
    }

    @Test("A handler that is set in onclose keeps the socket that reconnects")
    func aHandlerThatIsSetInOncloseKeepsTheSocketThatReconnects() async throws {
        try await withServer(handler: closing(1001)) { server in
            let opened = Collector<Bool>()
            weak var kept: BrowserWebSocket?
            do {
                let socket = try BrowserWebSocket(server.url, options: server.reconnectingOptions)
                kept = socket
                socket.onopen = { _ in opened.add(true) }
                socket.onclose = { [weak socket] _ in socket?.onmessage = { _ in } }
            }
            try await opened.wait(for: 3)
            kept?.close()
        }
    }

    @Test("A reconnect without the protocol that was asked for is an error and then a close")
    func aReconnectWithoutTheDemandedProtocolIsToldOf() async throws {
        let asked = Collector<Bool>()
        var configuration = WebSocketServer.Configuration()
        configuration.decide = { _ in
            asked.add(true)
            return .accept(subprotocol: asked.count == 1 ? "chat" : nil)
        }
        try await withServer(handler: closing(1001), configuration: configuration) { server in
            let record = Collector<String>()
            let socket = try BrowserWebSocket(server.url, ["chat"], options: server.reconnectingOptions)
            observe(socket, record)
            try await eventually("\(record.all)") { record.count >= 4 }
            #expect(record.all.suffix(2) == ["error CLOSED", "close CLOSED false 1006 "])
            withExtendedLifetime(socket) {}
        }
    }

    @Test("A socket that gives up is closed, after an error and a close for each attempt")
    func aSocketThatGivesUpIsClosed() async throws {
        try await withServer { server in
            let record = Collector<String>()
            var options = server.options
            options.reconnects = .fixed(.milliseconds(1), maximumRetries: 2)
            let socket = try BrowserWebSocket(server.url, options: options)
            observe(socket, record)
            try await record.wait(for: 1)
            await server.kill()
            try await eventually("\(record.all)") { record.count >= 7 }
            try await eventually { socket.readyState == .CLOSED }
            try await Task.sleep(for: .milliseconds(100))
            let failure = ["error CLOSED", "close CLOSED false 1006 "]
            #expect(record.all == ["open OPEN"] + failure + failure + failure)
            #expect(socket.readyState == .CLOSED)
        }
    }

    @Test("Closing in onclose ends reconnecting") func closingInOncloseEndsReconnecting() async throws {
        try await withServer(handler: closing(1001)) { server in
            let record = Collector<String>()
            let socket = try BrowserWebSocket(server.url, options: server.reconnectingOptions)
            observe(socket, record)
            socket.onclose = { [unowned socket] _ in
                record.add("close")
                socket.close()
            }
            try await record.wait(for: 2)
            try await Task.sleep(for: .milliseconds(200))
            #expect(record.all == ["open OPEN", "close"] && socket.readyState == .CLOSED)
        }
    }

    @Test("Closing in any callback ends in one close event", arguments: ["open", "message", "close", "error"])
    func closingInACallbackEndsIt(name: String) async throws {
        try await withServer(handler: greeting(.text("welcome"))) { server in
            let record = Collector<String>()
            let url = name == "error" ? "ws://localhost:1" : server.url
            let socket = try BrowserWebSocket(url, options: server.options)
            let close = { [unowned socket] (event: String) in
                record.add(event)
                if event == name { socket.close() }
                if event == "message" { socket.close() }
            }
            socket.onopen = { _ in close("open") }
            socket.onmessage = { _ in close("message") }
            socket.onerror = { _ in close("error") }
            socket.onclose = { _ in close("close") }
            try await eventually("\(record.all)") { record.all.last == "close" }
            #expect(socket.readyState == .CLOSED && record.all.count { $0 == "close" } == 1)
        }
    }

    @Test("A socket lives while a handler can be called, and goes when none can")
    func aSocketLivesWhileItIsHeardAndGoesWhenItIsNot() async throws {
        try await withServer(handler: closing(1000, afterMessage: true)) { server in
            let record = Collector<String>()
            weak var heard: BrowserWebSocket?
            weak var unheard: BrowserWebSocket?
            do {
                let socket = try BrowserWebSocket(server.url, options: server.options)
                heard = socket
                // As it is written without a thought of circles.
                socket.onclose = { record.add("close \($0.code) \(socket.readyState)") }
                unheard = try BrowserWebSocket(server.url, options: server.options)
            }
            try await eventually { unheard == nil }
            try await eventually { heard?.readyState == .OPEN }
            try heard?.send("bye")
            try await record.wait(for: 1)
            try await eventually { heard == nil && server.connectionCount == 0 }
        }
    }

    @Test("A socket that has ended is released with its handlers, also where they hold it")
    func aSocketThatHasEndedIsReleasedWithItsHandlers() async throws {
        final class Token: Sendable {}
        try await withServer { server in
            weak var token: Token?
            weak var released: BrowserWebSocket?
            do {
                let held = Token()
                token = held
                let socket = try BrowserWebSocket(server.url, options: server.options)
                released = socket
                let record = Collector<String>()
                observe(socket, record)
                socket.onmessage = { _ in withExtendedLifetime((held, socket)) {} }
                try await record.wait(for: 1)
                socket.close()
            }
            try await eventually { token == nil && released == nil }
        }
    }
}
