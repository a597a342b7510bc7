import BrowserCompat
import Foundation
import LibWebSockets
import TestSupport
import Testing
import WebSocketTesting

/// Notes the events of a socket.
@MainActor func observe(_ socket: BrowserWebSocket, _ record: Collector<String>) {
    socket.onopen = { [unowned socket] event in record.add("\(event.type) \(socket.readyState)") }
    socket.onmessage = { event in
        switch event.data {
        case .text(let text): record.add("message \(text)")
        case .blob(let data): record.add("blob \(data.count)")
        case .arraybuffer(let bytes): record.add("arraybuffer \(bytes.count)")
        }
    }
    socket.onerror = { [unowned socket] event in record.add("\(event.type) \(socket.readyState)") }
    socket.onclose = { [unowned socket] event in
        record.add("\(event.type) \(socket.readyState) \(event.wasClean) \(event.code) \(event.reason)")
    }
}

/// The checks that web-platform-tests make of the interface, in tests of our own.
@Suite("The browser's shape", .timeLimit(.minutes(2))) @MainActor struct BrowserIntegrationTests {
    // MARK: The constructor

    @Test(
        "A URL that cannot be used is a SyntaxError",
        arguments: [
            "", "/relative", "foo", "http:example.com", "ftp://localhost", "mailto:example@example.org", "about:blank",
            "ws://localhost:8025/a#fragment", "ws://localhost/#", "ws:/localhost", "ws://", "ws://exa mple.com",
            "wss://:443/",
            "ws://localhost:99999/",
        ])
    func aURLThatIsNoneIsASyntaxError(url: String) {
        let error = #expect(throws: BrowserException.self) { try BrowserWebSocket(url) }
        #expect(error?.name == .syntaxError)
    }

    @Test(
        "The URL is serialized, and has the scheme of a WebSocket",
        arguments: [
            ("ws://Example.com", "ws://example.com/", "ws://example.com"),
            ("wss://example.com:443/a?b", "wss://example.com/a?b", "wss://example.com"),
            ("ws://example.com:80/", "ws://example.com/", "ws://example.com"),
            ("http://example.com:8080/a", "ws://example.com:8080/a", "ws://example.com:8080"),
            ("HTTPS://example.com/", "wss://example.com/", "wss://example.com"),
            (" ws://[::1]:7/ ", "ws://[::1]:7/", "ws://[::1]:7"),
            ("ws://user:pass@example.com/", "ws://user:pass@example.com/", "ws://example.com"),
        ])
    func theURLIsSerialized(given: String, url: String, origin: String) throws {
        let socket = try BrowserWebSocket(given)
        #expect(socket.url == url && socket.readyState == .CONNECTING)
        socket.close()
    }

    @Test(
        "Protocols that are no tokens, or are there twice, are a SyntaxError",
        arguments: [[""], ["a b"], ["a,b"], ["a", "a"], ["ä"], ["a\u{0}"], ["(a)"], ["\u{7F}"]])
    func protocolsThatAreNoneAreASyntaxError(protocols: [String]) {
        let error = #expect(throws: BrowserException.self) { try BrowserWebSocket("ws://localhost", protocols) }
        #expect(error?.name == .syntaxError)
    }

    @Test("Protocols that differ in case are two") func protocolsThatDifferInCaseAreTwo() throws {
        try BrowserWebSocket("ws://localhost", ["Echo", "echo"]).close()
    }

    @Test("A new socket has the standard's initial values, and cannot send yet")
    func aNewSocketHasTheInitialValues() throws {
        let socket = try BrowserWebSocket("ws://localhost:1")
        #expect(socket.readyState == .CONNECTING && socket.readyState.rawValue == 0)
        #expect(socket.bufferedAmount == 0 && socket.protocol == "" && socket.extensions == "")
        #expect(socket.binaryType == .blob && socket.binaryType.rawValue == "blob")
        #expect(
            [BrowserWebSocket.OPEN, BrowserWebSocket.CLOSING, BrowserWebSocket.CLOSED].map(\.rawValue) == [1, 2, 3])
        let error = #expect(throws: BrowserException.self) { try socket.send("early") }
        #expect(error?.name == .invalidStateError && socket.bufferedAmount == 0)
        socket.close()
    }

    // MARK: Messages

    @Test("Events come in order, with their values") func eventsComeInOrderWithTheirValues() async throws {
        let compressing = WebSocketServer.Configuration(compression: .automatic)
        try await withServer(handler: greeting(.text("welcome")), configuration: compressing) { server in
            let record = Collector<String>()
            let socket = try BrowserWebSocket(server.url, options: server.options)
            observe(socket, record)
            try await record.wait(for: 2)
            try socket.send("one")
            try socket.send(Data([1, 2]))
            try await record.wait(for: 4)
            socket.binaryType = .arraybuffer
            try socket.send([1, 2, 3])
            try await record.wait(for: 5)
            try socket.close(1000, "done")
            #expect(socket.readyState == .CLOSING)
            try await record.wait(for: 6)
            #expect(
                record.all == [
                    "open OPEN", "message welcome", "message one", "blob 2", "arraybuffer 3",
                    "close CLOSED true 1000 ",
                ])
            #expect(socket.extensions.hasPrefix("permessage-deflate"))
        }
    }

    @Test("The origin of a message is the server's") func theOriginOfAMessageIsTheServers() async throws {
        try await withServer(handler: greeting(.text("welcome"))) { server in
            let origins = Collector<String>()
            let socket = try BrowserWebSocket(server.url + "/path", options: server.options)
            socket.onmessage = { origins.add($0.origin) }
            try await origins.wait(for: 1)
            #expect(origins.all == [server.url])
            socket.close()
        }
    }

    @Test("Handlers that are set long after the constructor miss nothing")
    func handlersThatAreSetAfterTheConstructorMissNothing() async throws {
        try await withServer(handler: greeting(.text("welcome"))) { server in
            let record = Collector<String>()
            let socket = try BrowserWebSocket(server.url, options: server.options)
            // The main actor is busy for longer than connecting takes.
            usleep(200_000)
            observe(socket, record)
            try await record.wait(for: 2)
            #expect(record.all == ["open OPEN", "message welcome"])
            socket.close()
        }
    }

    @Test("bufferedAmount grows at once, shrinks between events, and only grows once the socket closes")
    func bufferedAmountGrowsAtOnceAndShrinksBetweenEvents() async throws {
        try await withServer { server in
            let record = Collector<String>()
            let socket = try BrowserWebSocket(server.url, options: server.options)
            observe(socket, record)
            try await record.wait(for: 1)
            try socket.send("äö")
            try socket.send([1, 2, 3])
            #expect(socket.bufferedAmount == 7)
            try await eventually { socket.bufferedAmount == 0 }
            socket.close()
            try socket.send("dropped")
            #expect(socket.bufferedAmount == 7)
            try await eventually { socket.readyState == .CLOSED }
            try socket.send(Data([1]))
            #expect(socket.bufferedAmount == 8)
        }
    }

    @Test("Messages sent before close() arrive") func messagesThatWereSentBeforeCloseArrive() async throws {
        let received = Collector<Int>()
        let handler: WebSocketServer.Handler = { socket, _ in
            for try await message in socket.messages { received.add(message.payload.count) }
        }
        try await withServer(handler: handler) { server in
            let record = Collector<String>()
            let socket = try BrowserWebSocket(server.url, options: server.options)
            observe(socket, record)
            try await record.wait(for: 1)
            for _ in 0..<50 { try socket.send(Data(repeating: 1, count: 100_000)) }
            socket.close()
            try await record.wait(for: 2)
            #expect(received.count == 50)
            #expect(record.all.last == "close CLOSED true 1005 ")
        }
    }

    @Test("Messages that come after close() are not shown") func messagesThatComeAfterCloseAreNotShown() async throws {
        let handler: WebSocketServer.Handler = { socket, _ in
            for number in 0..<100_000 { try await socket.send("\(number)") }
        }
        try await withServer(handler: handler) { server in
            let record = Collector<String>()
            let socket = try BrowserWebSocket(server.url, options: server.options)
            observe(socket, record)
            socket.onmessage = { [unowned socket] _ in
                record.add("message")
                socket.close()
            }
            try await eventually { record.all.last?.hasPrefix("close") == true }
            #expect(record.all.count == 3)
        }
    }

    // MARK: Closing

    @Test(
        "A code that must not be used is an InvalidAccessError",
        arguments: [0, 500, 999, 1001, 1005, 1006, 1015, 2999, 5000, -1, 65536, 70_000])
    func aCodeThatMustNotBeUsedIsAnInvalidAccessError(code: Int) throws {
        let socket = try BrowserWebSocket("ws://localhost:1")
        let error = #expect(throws: BrowserException.self) { try socket.close(code) }
        #expect(error?.name == .invalidAccessError && socket.readyState == .CONNECTING)
        socket.close()
    }

    @Test("A reason of more than 123 bytes is a SyntaxError, and a second close() does nothing but check")
    func aReasonOfMoreThan123BytesIsASyntaxError() throws {
        let socket = try BrowserWebSocket("ws://localhost:1")
        let error = #expect(throws: BrowserException.self) { try socket.close(1000, String(repeating: "ä", count: 62)) }
        #expect(error?.name == .syntaxError && socket.readyState == .CONNECTING)
        try socket.close(3000, String(repeating: "a", count: 123))
        #expect(socket.readyState == .CLOSING)
        // A second time it does nothing, but for the check.
        try socket.close(4000)
        let second = #expect(throws: BrowserException.self) { try socket.close(1001) }
        #expect(second?.name == .invalidAccessError)
    }

    @Test(
        "The code of close() reaches the server and comes back",
        arguments: [(nil, 1005), (1000, 1000), (3000, 3000), (4999, 4999)] as [(Int?, UInt16)])
    func theCodeReachesTheServerAndComesBack(given: Int?, code: UInt16) async throws {
        let codes = Collector<String>()
        let handler: WebSocketServer.Handler = { socket, _ in
            let closure = try await socket.closed()
            codes.add("\(closure.code.rawValue) \(closure.reason)")
        }
        try await withServer(handler: handler) { server in
            let record = Collector<String>()
            let socket = try BrowserWebSocket(server.url, options: server.options)
            observe(socket, record)
            try await record.wait(for: 1)
            if let given { try socket.close(given, "bye") } else { socket.close() }
            try await record.wait(for: 2)
            try await codes.wait(for: 1)
            #expect(codes.all == ["\(code) \(given == nil ? "" : "bye")"])
            #expect(record.all.last == "close CLOSED true \(code) ")
        }
    }

    @Test("A close by the server is no error", arguments: [1000, 1001, 1011, 4000, 4999] as [UInt16])
    func aCloseByTheServerIsNoError(code: UInt16) async throws {
        try await withServer(handler: closing(code, "why")) { server in
            let record = Collector<String>()
            let socket = try BrowserWebSocket(server.url, options: server.options)
            observe(socket, record)
            try await record.wait(for: 2)
            #expect(record.all == ["open OPEN", "close CLOSED true \(code) why"])
        }
    }

    @Test("Closing while connecting is a failure: error, then close with 1006")
    func closingWhileConnectingIsAFailure() async throws {
        try await withServer { server in
            let record = Collector<String>()
            let socket = try BrowserWebSocket(server.url, options: server.options)
            observe(socket, record)
            socket.close()
            #expect(socket.readyState == .CLOSING)
            try await record.wait(for: 2)
            #expect(record.all == ["error CLOSED", "close CLOSED false 1006 "])
        }
    }
}
