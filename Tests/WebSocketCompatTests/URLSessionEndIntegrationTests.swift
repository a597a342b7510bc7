import Foundation
import LibWebSockets
import TestSupport
import Testing
import URLSessionCompat
import WebSocketTesting

#if canImport(FoundationNetworking)
    import struct FoundationNetworking.URLRequest
#endif

@Suite("Ends of URLSessionWebSocketTask's shape", .timeLimit(.minutes(2))) struct URLSessionEndIntegrationTests {
    @Test("Every call that waits fails when the connection is lost, and so does every later one")
    func everyCallThatWaitsFailsAtTheEnd() async throws {
        try await withServer(handler: { socket, _ in _ = try await socket.receive() }) { server in
            let task = server.session().webSocketTask(with: server.address)
            let failures = Collector<URLError.Code?>()
            for _ in 0..<5 {
                task.receive { result in
                    if case .failure(let error) = result { failures.add(error.urlErrorCode) }
                }
            }
            task.resume()
            try await task.sendPing()
            await server.kill()
            try await failures.wait(for: 5)
            #expect(Set(failures.all) == [.networkConnectionLost])
            let late = await #expect(throws: URLError.self) { try await task.receive() }
            #expect(late?.code == .networkConnectionLost && task.error?.urlErrorCode == .networkConnectionLost)
            let ping = await #expect(throws: URLError.self) { try await task.sendPing() }
            #expect(ping?.code == .networkConnectionLost)
        }
    }

    @Test("Messages that came before the end are received before the error")
    func messagesBeforeTheEndAreReceivedBeforeTheError() async throws {
        let handler: WebSocketServer.Handler = { socket, _ in
            for number in 0..<100 { try await socket.send("\(number)") }
        }
        try await withServer(handler: handler) { server in
            let delegate = SessionDelegate()
            let task = server.session(delegate).webSocketTask(with: server.address)
            task.resume()
            try await delegate.record.wait(for: 3)
            for number in 0..<100 { #expect(try await task.receive() == .string("\(number)")) }
            await #expect(throws: URLError.self) { try await task.receive() }
        }
    }

    @Test("Cancelling fails a receive that waits") func cancellingFailsWhatWaits() async throws {
        try await withServer { server in
            let delegate = SessionDelegate()
            let task = server.session(delegate).webSocketTask(with: server.address)
            task.resume()
            try await task.sendPing()
            let message = Task { try await task.receive() }
            try await Task.sleep(for: .milliseconds(20))
            task.cancel()
            let error = await #expect(throws: URLError.self) { try await message.value }
            #expect(error?.code == .cancelled)
            try await delegate.record.wait(for: 2)
            #expect(delegate.record.all == ["open -", "complete \(URLError.Code.cancelled.rawValue)"])
            #expect(task.error?.urlErrorCode == .cancelled)
        }
    }

    @Test("Cancelling before resume(), and while connecting, completes the task")
    func cancellingBeforeResumeAndWhileConnectingCompletes() async throws {
        let server = try FaultServer.neverAccepting()
        defer { server.stop() }
        let delegate = SessionDelegate()
        let session = WebSocketSession(configuration: .default, delegate: delegate, delegateQueue: nil)
        let url = try #require(URL(string: server.url()))
        let first = session.webSocketTask(with: url)
        first.cancel()
        #expect(first.state == .completed)
        let second = session.webSocketTask(with: url)
        second.resume()
        second.cancel(with: .goingAway, reason: nil)
        try await delegate.record.wait(for: 2)
        let cancelled = "complete \(URLError.Code.cancelled.rawValue)"
        #expect(delegate.record.all == [cancelled, cancelled])
        await #expect(throws: URLError.self) { try await second.send(.string("")) }
    }

    @Test("Cancelling completes all messages that wait to be sent, some with an error")
    func cancelFailsTheMessagesThatWait() async throws {
        // Reads nothing, so that most of them wait.
        let handler: WebSocketServer.Handler = { _, _ in try await Task.sleep(for: .seconds(3_600)) }
        try await withServer(handler: handler) { server in
            let (delegate, results) = (SessionDelegate(), Collector<Bool>())
            let configuration = WebSocketSessionConfiguration.default
            configuration.options = server.options
            configuration.options.connection.closeTimeout = .seconds(3_600)
            let session = WebSocketSession(configuration: configuration, delegate: delegate, delegateQueue: nil)
            let task = session.webSocketTask(with: server.address)
            task.resume()
            try await delegate.record.wait(for: 1)
            for _ in 0..<64 { task.send(.data(Data(count: 1 << 20))) { results.add($0 == nil) } }
            task.cancel()
            try await results.wait(for: 64)
            #expect(results.all.contains(false), "nothing was cut off")
        }
    }

    @Test("Failures of connecting have the original's codes")
    func failuresOfConnectingHaveTheOriginalsCodes() async throws {
        try await withServer { server in
            let task = WebSocketSession.shared.webSocketTask(with: server.address)
            task.resume()
            let error = await #expect(throws: URLError.self) { try await task.receive() }
            #expect(error?.code == .serverCertificateHasUnknownRoot)
            #expect((error?.userInfo[NSUnderlyingErrorKey] as? WebSocketError)?.tlsFailure != nil)
            let address = try #require(URL(string: "ws://localhost:\(server.port)"))
            await server.kill()
            let refused = WebSocketSession.shared.webSocketTask(with: address)
            refused.resume()
            await #expect(throws: URLError.self) { try await refused.send(.string("")) }
            #expect(refused.error?.urlErrorCode == .cannotConnectToHost)
        }
    }

    @Test("With one line, a task comes back with the server and keeps what is sent meanwhile")
    func withOneLineItComesBackWithTheServer() async throws {
        try await withServer { server in
            let delegate = SessionDelegate()
            let task = server.session(reconnects: true, delegate).webSocketTask(with: server.address)
            task.resume()
            try await task.send(.string("before"))
            #expect(try await task.receive() == .string("before"))
            await server.stop()
            try await delegate.record.wait(for: 2)
            #expect(delegate.record.all == ["open -", "close 1001 the server stops"])
            let message = Task { try await task.receive() }
            try await task.send(.string("kept"))
            try await server.restart()
            #expect(try await message.value == .string("kept"))
            #expect(task.state == .running && task.closeCode == .invalid)
            task.cancel(with: .normalClosure, reason: nil)
            try await delegate.record.wait(for: 5)
            #expect(delegate.record.all.suffix(3) == ["open -", "close 1000 ", "complete -"])
        }
    }

    @Test("A task that gives up completes with the last failure")
    func aTaskThatGivesUpCompletesWithTheLastFailure() async throws {
        try await withServer { server in
            let delegate = SessionDelegate()
            let configuration = WebSocketSessionConfiguration.default
            configuration.options = server.options
            configuration.options.reconnects = .fixed(.milliseconds(1), maximumRetries: 2)
            let task = WebSocketSession(configuration: configuration, delegate: delegate, delegateQueue: nil)
                .webSocketTask(with: server.address)
            task.resume()
            try await task.sendPing()
            await server.kill()
            let error = await #expect(throws: URLError.self) { try await task.receive() }
            #expect(error?.code == .cannotConnectToHost)
            try await delegate.record.wait(for: 2)
            #expect(delegate.record.all == ["open -", "complete \(URLError.Code.cannotConnectToHost.rawValue)"])
        }
    }

    @Test("A session that is invalidated releases its delegate")
    func aSessionThatIsInvalidatedReleasesItsDelegate() async throws {
        try await withServer { server in
            weak var released: SessionDelegate?
            let session: WebSocketSession
            do {
                let delegate = SessionDelegate()
                released = delegate
                session = server.session(delegate)
                session.webSocketTask(with: server.address).resume()
                try await delegate.record.wait(for: 1)
                session.invalidateAndCancel()
            }
            try await eventually { released == nil }
            withExtendedLifetime(session) {}
        }
    }

    @Test("A task that has ended is released") func aTaskThatHasEndedIsReleased() async throws {
        try await withServer { server in
            weak var released: WebSocketTask?
            let session = server.session()
            do {
                let task = session.webSocketTask(with: server.address)
                released = task
                task.resume()
                try await task.sendPing()
                task.receive { _ in withExtendedLifetime(task) {} }
                task.cancel(with: .normalClosure, reason: nil)
            }
            try await eventually { released == nil }
        }
    }
}
