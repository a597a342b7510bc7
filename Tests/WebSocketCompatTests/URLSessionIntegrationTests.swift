import Foundation
import LibWebSockets
import Testing
import URLSessionCompat
import WebSocketTesting

#if canImport(FoundationNetworking)
    import struct FoundationNetworking.URLRequest
#endif

/// Notes what a delegate is told.
private final class Delegate: WebSocketSessionDelegate {
    let record = Record<String>()

    func urlSession(_ session: WebSocketSession, webSocketTask: WebSocketTask, didOpenWithProtocol protocol: String?) {
        record.add("open \(`protocol` ?? "-")")
    }

    func urlSession(
        _ session: WebSocketSession, webSocketTask: WebSocketTask, didCloseWith closeCode: WebSocketTask.CloseCode,
        reason: Data?
    ) {
        record.add("close \(closeCode.rawValue) \(String(decoding: reason ?? Data(), as: UTF8.self))")
    }

    func urlSession(_ session: WebSocketSession, task: WebSocketTask, didCompleteWithError error: (any Error)?) {
        record.add("complete \((error as? URLError).map { "\($0.code.rawValue)" } ?? "-")")
    }

    func urlSession(_ session: WebSocketSession, didBecomeInvalidWithError error: (any Error)?) {
        record.add("invalid")
    }
}

private func session(
    _ server: TestServer, reconnects: Bool = false, _ delegate: Delegate? = nil
) -> WebSocketSession {
    let configuration = WebSocketSessionConfiguration.default
    configuration.options = reconnects ? server.reconnectingOptions : server.options
    return WebSocketSession(configuration: configuration, delegate: delegate, delegateQueue: nil)
}

private func code(_ error: (any Error)?) -> URLError.Code? { (error as? URLError)?.code }

@Suite("URLSessionWebSocketTask's shape", .timeLimit(.minutes(2))) struct URLSessionIntegrationTests {
    @Test("Messages are echoed in order, and the delegate is told of the opening, the close and the end")
    func messagesAreEchoedInOrder() async throws {
        try await withServer { server in
            let delegate = Delegate()
            let task = session(server, delegate).webSocketTask(with: server.address)
            #expect(task.state == .suspended && task.closeCode == .invalid)
            task.resume()
            try await task.send(.string("one"))
            try await task.send(.data(Data([1, 2])))
            #expect(try await task.receive() == .string("one"))
            #expect(try await task.receive() == .data(Data([1, 2])))
            try await task.sendPing()
            #expect(task.state == .running && task.countOfBytesSent == 5 && task.countOfBytesReceived == 5)
            task.cancel(with: .normalClosure, reason: Data("bye".utf8))
            try await delegate.record.wait(for: 3)
            #expect(delegate.record.all == ["open -", "close 1000 bye", "complete -"])
            #expect(task.state == .completed && task.closeCode == .normalClosure && task.error == nil)
        }
    }

    @Test("Sends, pings and receives made before resume() wait for it")
    func sendingAndReceivingBeforeResumeWaits() async throws {
        try await withServer { server in
            let task = session(server).webSocketTask(with: server.address)
            let record = Record<String>()
            task.send(.string("early")) { record.add("sent \($0 == nil)") }
            task.sendPing { record.add("pong \($0 == nil)") }
            task.receive { record.add("received \((try? $0.get()) == .string("early"))") }
            try await Task.sleep(for: .milliseconds(50))
            #expect(record.count == 0)
            task.resume()
            try await record.wait(for: 3)
            #expect(Set(record.all) == ["sent true", "pong true", "received true"])
            task.cancel()
        }
    }

    @Test(
        "Code and reason of the server arrive unchanged", arguments: [1000, 1001, 1011, 1012, 4000, 4999] as [UInt16])
    func codeAndReasonOfTheServerArriveUnchanged(closeCode: UInt16) async throws {
        try await withServer(handler: closing(closeCode, "why")) { server in
            let delegate = Delegate()
            let task = session(server, delegate).webSocketTask(with: server.address)
            task.resume()
            let error = await #expect(throws: URLError.self) { try await task.receive() }
            #expect(error?.code == .networkConnectionLost)
            try await delegate.record.wait(for: 3)
            #expect(delegate.record.all == ["open -", "close \(closeCode) why", "complete -"])
            #expect(task.closeCode.rawValue == Int(closeCode) && task.closeReason == Data("why".utf8))
            await #expect(throws: URLError.self) { try await task.send(.string("late")) }
        }
    }

    @Test("Every call that waits fails when the connection is lost, and so does every later one")
    func everyCallThatWaitsFailsAtTheEnd() async throws {
        try await withServer(handler: { socket, _ in _ = try await socket.receive() }) { server in
            let task = session(server).webSocketTask(with: server.address)
            let failures = Record<URLError.Code?>()
            for _ in 0..<5 {
                task.receive { result in
                    if case .failure(let error) = result { failures.add(code(error)) }
                }
            }
            task.resume()
            try await task.sendPing()
            await server.kill()
            try await failures.wait(for: 5)
            #expect(Set(failures.all) == [.networkConnectionLost])
            let late = await #expect(throws: URLError.self) { try await task.receive() }
            #expect(late?.code == .networkConnectionLost && code(task.error) == .networkConnectionLost)
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
            let delegate = Delegate()
            let task = session(server, delegate).webSocketTask(with: server.address)
            task.resume()
            try await delegate.record.wait(for: 3)
            for number in 0..<100 { #expect(try await task.receive() == .string("\(number)")) }
            await #expect(throws: URLError.self) { try await task.receive() }
        }
    }

    @Test("Cancelling fails a receive that waits") func cancellingFailsWhatWaits() async throws {
        try await withServer { server in
            let delegate = Delegate()
            let task = session(server, delegate).webSocketTask(with: server.address)
            task.resume()
            try await task.sendPing()
            let message = Task { try await task.receive() }
            try await Task.sleep(for: .milliseconds(20))
            task.cancel()
            let error = await #expect(throws: URLError.self) { try await message.value }
            #expect(error?.code == .cancelled)
            try await delegate.record.wait(for: 2)
            #expect(delegate.record.all == ["open -", "complete \(URLError.Code.cancelled.rawValue)"])
            #expect(code(task.error) == .cancelled)
        }
    }

    @Test("Cancelling before resume(), and while connecting, completes the task")
    func cancellingBeforeResumeAndWhileConnectingCompletes() async throws {
        let server = try FaultServer.neverAccepting()
        defer { server.stop() }
        let delegate = Delegate()
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
            let (delegate, results) = (Delegate(), Record<Bool>())
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

    @Test("A Swift task that is cancelled while it receives loses no message")
    func aSwiftTaskThatIsCancelledLosesNoMessage() async throws {
        try await withServer { server in
            let task = session(server).webSocketTask(with: server.address)
            task.resume()
            let waiting = Task { try await task.receive() }
            try await Task.sleep(for: .milliseconds(20))
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            try await task.send(.string("kept"))
            #expect(try await task.receive() == .string("kept"))
            task.cancel()
        }
    }

    @Test("A message beyond the maximum size is an error of its own")
    func aMessageBeyondTheMaximumEndsTheTask() async throws {
        try await withServer(handler: greeting(.binary(Array(repeating: 0, count: 2_000)))) { server in
            let task = session(server).webSocketTask(with: server.address)
            #expect(task.maximumMessageSize == 1 << 20)
            task.maximumMessageSize = 1_000
            task.resume()
            let error = await #expect(throws: URLError.self) { try await task.receive() }
            #expect(error?.code == .dataLengthExceedsMaximum)
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
            #expect(code(refused.error) == .cannotConnectToHost)
        }
    }

    @Test("A URL of another scheme fails, and a task of an invalidated session is complete at once")
    func aURLOfAnotherSchemeFails() async throws {
        let delegate = Delegate()
        let session = WebSocketSession(configuration: .default, delegate: delegate, delegateQueue: nil)
        let task = session.webSocketTask(with: try #require(URL(string: "ftp://localhost")))
        task.resume()
        let error = await #expect(throws: URLError.self) { try await task.receive() }
        #expect(error?.code == .badURL)
        session.finishTasksAndInvalidate()
        try await eventually { delegate.record.all == ["complete \(URLError.Code.badURL.rawValue)", "invalid"] }
        let late = session.webSocketTask(with: try #require(URL(string: "ws://localhost")))
        late.resume()
        #expect(late.state == .completed)
    }

    @Test("A refusal is a bad server response") func aRefusalIsABadResponse() async throws {
        var configuration = WebSocketServer.Configuration()
        configuration.decide = { _ in .refuse(.unauthorized) }
        try await withServer(configuration: configuration) { server in
            let delegate = Delegate()
            let task = session(server, delegate).webSocketTask(with: server.address)
            task.resume()
            let error = await #expect(throws: URLError.self) { try await task.receive() }
            #expect(error?.code == .badServerResponse)
            try await delegate.record.wait(for: 1)
            #expect(delegate.record.all == ["complete \(URLError.Code.badServerResponse.rawValue)"])
        }
    }

    @Test("Protocols and headers are sent, and an invalidated session lets go of its delegate")
    func protocolsAndHeadersAreSent() async throws {
        var configuration = WebSocketServer.Configuration()
        configuration.decide = { .accept(subprotocol: $0.subprotocols.last) }
        let requests = Record<String>()
        let handler: WebSocketServer.Handler = { socket, request in
            requests.add("\(request.headers[.authorization] ?? "") \(request.headers[.userAgent] ?? "")")
            _ = try await socket.receive()
        }
        try await withServer(handler: handler, configuration: configuration) { server in
            let delegate = Delegate()
            let configuration = WebSocketSessionConfiguration.default
            configuration.options = server.options
            configuration.httpAdditionalHeaders = ["User-Agent": "test", "Authorization": "lower"]
            let session = WebSocketSession(configuration: configuration, delegate: delegate, delegateQueue: nil)
            let task = session.webSocketTask(with: server.address, protocols: ["a", "b"])
            task.resume()
            try await delegate.record.wait(for: 1)
            #expect(delegate.record.all == ["open b"])
            var request = URLRequest(url: server.address)
            request.setValue("Bearer 1", forHTTPHeaderField: "Authorization")
            session.webSocketTask(with: request).resume()
            try await requests.wait(for: 2)
            #expect(requests.all == ["lower test", "Bearer 1 test"])
            session.invalidateAndCancel()
            try await eventually("\(delegate.record.all)") { delegate.record.all.last == "invalid" }
            #expect(session.delegate == nil)
        }
    }

    @Test("With one line, a task comes back with the server and keeps what is sent meanwhile")
    func withOneLineItComesBackWithTheServer() async throws {
        try await withServer { server in
            let delegate = Delegate()
            let task = session(server, reconnects: true, delegate).webSocketTask(with: server.address)
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
            let delegate = Delegate()
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

    @Test("Messages that nobody receives stop the server") func whatNobodyReceivesStopsTheServer() async throws {
        let sent = Record<Int>()
        let handler: WebSocketServer.Handler = { socket, _ in
            for number in 0..<400 {
                try await socket.send(Array(repeating: 0, count: 100_000))
                sent.add(number)
            }
        }
        try await withServer(handler: handler) { server in
            let task = session(server).webSocketTask(with: server.address)
            task.resume()
            try await sent.wait(for: 10)
            var before = -1
            while before != sent.count {
                before = sent.count
                try await Task.sleep(for: .milliseconds(300))
            }
            #expect(sent.count < 300)
            for _ in 0..<400 { _ = try await task.receive() }
            #expect(sent.count == 400)
            task.cancel()
        }
    }

    @Test("A task that has ended is released") func aTaskThatHasEndedIsReleased() async throws {
        try await withServer { server in
            weak var released: WebSocketTask?
            let session = session(server)
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
