import Foundation
import LibWebSockets
import TestSupport
import Testing
import URLSessionCompat
import WebSocketTesting

#if canImport(FoundationNetworking)
    import struct FoundationNetworking.URLRequest
#endif

@Suite("URLSessionWebSocketTask's shape", .timeLimit(.minutes(2))) struct URLSessionIntegrationTests {
    @Test("Messages are echoed in order, and the delegate is told of the opening, the close and the end")
    func messagesAreEchoedInOrder() async throws {
        try await withServer { server in
            let delegate = SessionDelegate()
            let task = server.session(delegate).webSocketTask(with: server.address)
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
            let task = server.session().webSocketTask(with: server.address)
            let record = Collector<String>()
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
            let delegate = SessionDelegate()
            let task = server.session(delegate).webSocketTask(with: server.address)
            task.resume()
            let error = await #expect(throws: URLError.self) { try await task.receive() }
            #expect(error?.code == .networkConnectionLost)
            try await delegate.record.wait(for: 3)
            #expect(delegate.record.all == ["open -", "close \(closeCode) why", "complete -"])
            #expect(task.closeCode.rawValue == Int(closeCode) && task.closeReason == Data("why".utf8))
            await #expect(throws: URLError.self) { try await task.send(.string("late")) }
        }
    }

    @Test("A Swift task that is cancelled while it receives loses no message")
    func aSwiftTaskThatIsCancelledLosesNoMessage() async throws {
        try await withServer { server in
            let task = server.session().webSocketTask(with: server.address)
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
            let task = server.session().webSocketTask(with: server.address)
            #expect(task.maximumMessageSize == 1 << 20)
            task.maximumMessageSize = 1_000
            task.resume()
            let error = await #expect(throws: URLError.self) { try await task.receive() }
            #expect(error?.code == .dataLengthExceedsMaximum)
        }
    }

    @Test("A URL of another scheme fails, and a task of an invalidated session is complete at once")
    func aURLOfAnotherSchemeFails() async throws {
        let delegate = SessionDelegate()
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
            let delegate = SessionDelegate()
            let task = server.session(delegate).webSocketTask(with: server.address)
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
        let requests = Collector<String>()
        let handler: WebSocketServer.Handler = { socket, request in
            requests.add("\(request.headers[.authorization] ?? "") \(request.headers[.userAgent] ?? "")")
            _ = try await socket.receive()
        }
        try await withServer(handler: handler, configuration: configuration) { server in
            let delegate = SessionDelegate()
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

    @Test("Messages that nobody receives stop the server") func whatNobodyReceivesStopsTheServer() async throws {
        let sent = Collector<Int>()
        let handler: WebSocketServer.Handler = { socket, _ in
            for number in 0..<400 {
                try await socket.send(Array(repeating: 0, count: 100_000))
                sent.add(number)
            }
        }
        try await withServer(handler: handler) { server in
            let task = server.session().webSocketTask(with: server.address)
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
}
