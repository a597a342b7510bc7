import BrowserCompat
import Foundation
import LibWebSockets
import StarscreamCompat
import TestSupport
import Testing
import URLSessionCompat
import WebSocketKitCompat
import WebSocketTesting

#if canImport(FoundationNetworking)
    import struct FoundationNetworking.URLRequest
#endif

private let messageCount = 10_000

@Suite("Shapes under load", .timeLimit(.minutes(5))) struct StressIntegrationTests {
    // MARK: Ten thousand messages, each once and in order

    @Test("Starscream's shape echoes all messages in order and completes each write") func starscream() async throws {
        try await withServer { server in
            let record = Collector<String>()
            let completions = Collector<Bool>()
            let socket = StarscreamCompat.WebSocket(request: URLRequest(url: server.address))
            socket.options = server.options
            socket.callbackQueue = DispatchQueue(label: "test")
            socket.onEvent = { if case .text(let text) = $0 { record.add(text) } }
            socket.connect()
            for number in 0..<messageCount { socket.write(string: "\(number)") { completions.add(true) } }
            try await record.wait(for: messageCount)
            try await completions.wait(for: messageCount)
            #expect(record.all == (0..<messageCount).map { "\($0)" })
            socket.forceDisconnect()
        }
    }

    @Test("URLSession's shape echoes all messages in order") func urlSession() async throws {
        try await withServer { server in
            let configuration = WebSocketSessionConfiguration.default
            configuration.options = server.options
            let task = WebSocketSession(configuration: configuration).webSocketTask(with: server.address)
            let record = Collector<WebSocketTask.Message>()
            task.resume()
            for number in 0..<messageCount { task.send(.string("\(number)")) { _ in } }
            for _ in 0..<messageCount { record.add(try await task.receive()) }
            #expect(record.all == (0..<messageCount).map { .string("\($0)") })
            task.cancel(with: .normalClosure, reason: nil)
        }
    }

    @Test("websocket-kit's shape echoes all messages in order, to an asynchronous handler")
    func webSocketKit() async throws {
        try await withServer { server in
            var configuration = WebSocketClient.Configuration()
            configuration.options = server.options
            let record = Collector<String>()
            try await WebSocketKitCompat.WebSocket.connect(to: server.url, configuration: configuration) { socket in
                // Asynchronous handlers keep the order, too.
                socket.onText { socket, text in
                    if text.hasSuffix("7") { await Task.yield() }
                    record.add(text)
                    if record.count == messageCount { try? await socket.close() }
                }
                for number in 0..<messageCount { socket.send("\(number)", promise: nil) }
            }.get()
            try await record.wait(for: messageCount)
            #expect(record.all == (0..<messageCount).map { "\($0)" })
        }
    }

    @MainActor @Test("The browser's shape echoes all messages in order") func browser() async throws {
        try await withServer { server in
            let record = Collector<String>()
            let socket = try BrowserWebSocket(server.url, options: server.options)
            socket.onopen = { _ in
                for number in 0..<messageCount { try? socket.send("\(number)") }
            }
            socket.onmessage = { record.add($0.data.text ?? "") }
            try await record.wait(for: messageCount)
            #expect(record.all == (0..<messageCount).map { "\($0)" })
            socket.close()
        }
    }

    // MARK: Two hundred sockets that nobody closes

    @Test("Sockets that are let go of are closed and released, a hundred of each of two shapes")
    func whatIsLetGoOfIsClosedAndReleased() async throws {
        final class Token: Sendable {}
        try await withServer { server in
            weak var token: Token?
            weak var browser: BrowserWebSocket?
            var options = server.options
            options.connection.connectTimeout = .seconds(30)
            do {
                let held = Token()
                token = held
                var sockets: [StarscreamCompat.WebSocket] = []
                for _ in 0..<100 {
                    let socket = StarscreamCompat.WebSocket(request: URLRequest(url: server.address))
                    socket.options = options
                    socket.onEvent = { _ in withExtendedLifetime(held) {} }
                    socket.connect()
                    sockets.append(socket)
                }
                let browsers = try await MainActor.run { [options] in
                    try (0..<100).map { _ in try BrowserWebSocket(server.url, options: options) }
                }
                browser = browsers[0]
                try await eventually("\(server.connectionCount)") { server.connectionCount == 200 }
                withExtendedLifetime((sockets, browsers)) {}
            }
            try await eventually("\(server.connectionCount)") {
                server.connectionCount == 0 && token == nil && browser == nil
            }
        }
    }

    @Test("A session that is invalidated ends its tasks and is released")
    func aSessionThatIsInvalidatedEndsItsTasks() async throws {
        try await withServer { server in
            weak var released: WebSocketSession?
            do {
                let configuration = WebSocketSessionConfiguration.default
                configuration.options = server.options
                let session = WebSocketSession(configuration: configuration)
                released = session
                for _ in 0..<200 { session.webSocketTask(with: server.address).resume() }
                try await eventually("\(server.connectionCount)") { server.connectionCount == 200 }
                session.invalidateAndCancel()
            }
            try await eventually("\(server.connectionCount)") { server.connectionCount == 0 && released == nil }
        }
    }

    @Test("A group that is shut down ends its sockets and releases their handlers")
    func aGroupThatIsShutDownEndsItsSockets() async throws {
        final class Token: Sendable {}
        try await withServer { server in
            weak var token: Token?
            do {
                let held = Token()
                token = held
                let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
                var configuration = WebSocketClient.Configuration()
                configuration.options = server.options
                for _ in 0..<200 {
                    try await WebSocketKitCompat.WebSocket.connect(
                        to: server.url, configuration: configuration, on: group
                    ) { socket in
                        socket.onText { _, _ in withExtendedLifetime((held, socket)) {} }
                    }.get()
                }
                #expect(server.connectionCount == 200)
                try await group.shutdownGracefully()
            }
            try await eventually { server.connectionCount == 0 && token == nil }
        }
    }

    // MARK: Handlers that do not return

    /// Sends until its client takes no more.
    private func flood(_ sent: Collector<Int>) -> WebSocketServer.Handler {
        { socket, _ in
            for number in 0..<400 {
                try await socket.send(Array(repeating: 0, count: 100_000))
                sent.add(number)
            }
        }
    }

    private func waitUntilItStands(_ sent: Collector<Int>) async throws {
        try await sent.wait(for: 10)
        var before = -1
        while before != sent.count {
            before = sent.count
            try await Task.sleep(for: .milliseconds(300))
        }
    }

    @Test("A callback queue that is suspended stops the server, and nothing is lost")
    func aCallbackQueueThatStandsStopsTheServer() async throws {
        let sent = Collector<Int>()
        try await withServer(handler: flood(sent)) { server in
            let queue = DispatchQueue(label: "test")
            let received = Collector<Int>()
            let socket = StarscreamCompat.WebSocket(request: URLRequest(url: server.address))
            socket.options = server.options
            socket.callbackQueue = queue
            socket.onEvent = { event in
                if case .binary(let data) = event { received.add(data.count) }
                if received.count == 1 { queue.suspend() }
            }
            socket.connect()
            try await waitUntilItStands(sent)
            #expect(sent.count < 300 && received.count == 1)
            // Only the first one may suspend it again.
            socket.onEvent = { if case .binary(let data) = $0 { received.add(data.count) } }
            queue.resume()
            try await received.wait(for: 400)
            socket.forceDisconnect()
        }
    }

    @Test("An asynchronous handler that waits stops the server, and nothing is lost")
    func anAsynchronousHandlerThatWaitsStopsTheServer() async throws {
        let sent = Collector<Int>()
        try await withServer(handler: flood(sent)) { server in
            var configuration = WebSocketClient.Configuration()
            configuration.options = server.options
            let received = Collector<Int>()
            let (gate, opening) = AsyncStream<Void>.makeStream()
            try await WebSocketKitCompat.WebSocket.connect(to: server.url, configuration: configuration) { socket in
                socket.onBinary { _, buffer in
                    received.add(buffer.readableBytes)
                    for await _ in gate {}
                }
                await Task.yield()
            }
            try await waitUntilItStands(sent)
            #expect(sent.count < 300 && received.count == 1)
            opening.finish()
            try await received.wait(for: 400)
        }
    }

    // MARK: Calls that wait when the end comes

    @Test("Sends that wait are completed when the peer is killed, some with an error")
    func sendsThatWaitFailWhenThePeerIsKilled() async throws {
        let handler: WebSocketServer.Handler = { _, _ in try await Task.sleep(for: .seconds(60)) }
        try await withServer(handler: handler) { server in
            let configuration = WebSocketSessionConfiguration.default
            configuration.options = server.options
            let task = WebSocketSession(configuration: configuration).webSocketTask(with: server.address)
            let results = Collector<Bool>()
            task.resume()
            try await task.sendPing()
            for _ in 0..<100 { task.send(.data(Data(repeating: 0, count: 1 << 20))) { results.add($0 == nil) } }
            try await results.wait(for: 1)
            try await Task.sleep(for: .milliseconds(200))
            #expect(results.count < 100)
            await server.kill()
            try await results.wait(for: 100)
            #expect(results.all.contains(false))
        }
    }

    @Test("Cancelling beside a peer that does not read takes no longer than the close timeout")
    func cancellingBesideAPeerThatDoesNotReadTakesNoLongerThanTheCloseTimeout() async throws {
        let handler: WebSocketServer.Handler = { _, _ in try await Task.sleep(for: .seconds(60)) }
        try await withServer(handler: handler) { server in
            let configuration = WebSocketSessionConfiguration.default
            configuration.options = server.options
            configuration.options.connection.closeTimeout = .milliseconds(300)
            let task = WebSocketSession(configuration: configuration).webSocketTask(with: server.address)
            let results = Collector<Bool>()
            task.resume()
            for _ in 0..<100 { task.send(.data(Data(repeating: 0, count: 1 << 20))) { results.add($0 == nil) } }
            try await results.wait(for: 1)
            task.cancel(with: .normalClosure, reason: nil)
            try await results.wait(for: 100)
            try await eventually { task.state == .completed }
        }
    }
}
