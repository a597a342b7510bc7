import Dispatch
import Testing
import WebSocketService
import WebSocketTesting

/// Every wait has a limit, and says what it was for and what came instead.
@Suite(.timeLimit(.minutes(10))) struct WaitTimedOutTests {
    private func words(_ wait: () async throws -> Void) async throws -> String {
        let error = try await #require(throws: WaitTimedOut.self) { try await wait() }
        #expect(error.limit == .milliseconds(1))
        return error.description
    }

    private static let soon = Duration.milliseconds(1)

    @Test("A scripted transport says what it waited for, and what there was") func aScriptedTransport() async throws {
        let transport = ScriptedTransport()
        #expect(
            try await words { _ = try await transport.nextRequest(within: Self.soon) }
                == "waited 1 ms for attempt 1 to connect; there were none")
        _ = try await transport.connect(to: ConnectRequest(url: "ws://a.example"))
        _ = try await transport.nextConnection()
        #expect(
            try await words { _ = try await transport.nextConnection(within: Self.soon) } == """
                waited 1 ms for connection 2 to open; attempts to connect that were made are 1: ws://a.example
                """)
        // An element that comes after the wait was given up is not lost with it.
        _ = try await transport.connect(to: ConnectRequest(url: "ws://b.example"))
        #expect(try await transport.nextConnection().request.url == "ws://b.example")
    }

    @Test("A scripted connection says what it waited for, and what there was") func aScriptedConnection() async throws {
        let transport = ScriptedTransport()
        let client = try await transport.connect(to: ConnectRequest(url: "ws://a.example"))
        let peer = try await transport.nextConnection()
        for number in 1...6 { try await client.send(.text("message \(number)")) }
        for _ in 1...6 { _ = try await peer.nextSent() }
        #expect(
            try await words { _ = try await peer.nextSent(within: Self.soon) } == """
                waited 1 ms for message 7 of the client; it has sent 6, the last ones: "message 2", "message 3", \
                "message 4", "message 5", "message 6", and the connection is open
                """)
        peer.deliver("unread")
        #expect(
            try await words { try await peer.waitUntilRead(within: Self.soon) } == """
                waited 1 ms until the client has read everything; 1 message left to be read, and it asks for none
                """)
        #expect(
            try await words { _ = try await peer.ended(within: Self.soon) }
                == "waited 1 ms until the connection has ended; the connection is open")
        peer.close(code: .goingAway)
        #expect(
            try await words { try await peer.nextPing(within: Self.soon) } == """
                waited 1 ms for ping 1 of the client; it has sent 0, and the connection has ended: \
                the peer closed the connection with 1001 going away
                """)
    }

    @Test("A manual clock says what it waited for, and who sleeps") func aManualClock() async throws {
        let clock = ManualClock()
        #expect(
            try await words { try await clock.waitForSleepers(2, within: Self.soon) } == """
                waited 1 ms until 2 tasks sleep; the clock stands at 0.0 seconds after the start, and those asleep wake up \
                in so long from there: none
                """)
        let sleeper = Task { try await clock.sleep(for: .seconds(30)) }
        try await clock.waitForSleepers()
        #expect(
            try await words { try await clock.advance(toSleeperIn: .seconds(31), within: Self.soon) } == """
                waited 1 ms until a task sleeps that wakes up 31.0 seconds after the start; the clock stands at 0.0 seconds \
                after the start, and those asleep wake up in so long from there: 1: 30.0 seconds
                """)
        sleeper.cancel()
        _ = await sleeper.result
        _ = try await words { try await clock.advanceToNextSleeper(within: Self.soon) }
    }

    @Test("A test server says how many messages it waited for, and which came")
    func messagesOfATestServer() async throws {
        let server = try await TestServer.start(isSecure: false)
        let client = try await WebSocket.connect(to: server.url)
        try await client.send("one")
        _ = try await client.nextMessages()
        #expect(
            try await words { _ = try await server.received(atLeast: 2, within: Self.soon) }
                == #"waited 1 ms for 2 messages; there were 1: "one""#)
        await client.close()
        await server.stop()
    }

    @Test("A fault server says what it waited for, and what was accepted") func aFaultServer() async throws {
        try await FaultServer.withServer([.stall]) { server in
            #expect(
                try await words { try await server.waitForConnection(within: Self.soon) } == """
                    waited 1 ms until connection 0 was accepted; 0 connections accepted so far, 0 of them ended
                    """)
            let client = try RawClient(server)
            try await server.waitForConnection()
            #expect(
                try await words { _ = try await server.transcript(within: Self.soon) } == """
                    waited 1 ms until connection 0 has ended, its script too; 1 connection accepted so far, \
                    0 of them ended
                    """)
            withExtendedLifetime(client) {}
        }
    }

    private static func block(on semaphore: DispatchSemaphore) { semaphore.wait() }

    @Test("A test executor says how many jobs kept it from being quiet") func aTestExecutor() async throws {
        let executor = TestExecutor()
        let (proceed, isBlocked) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let busy = Task(executorPreference: executor) {
            isBlocked.signal()
            Self.block(on: proceed)
        }
        Self.block(on: isBlocked)
        #expect(
            try await words { try await executor.untilQuiet(within: Self.soon) }
                == "waited 1 ms until all is quiet; 1 jobs are queued or running")
        proceed.signal()
        await busy.value
        try await executor.untilQuiet()
    }
}
