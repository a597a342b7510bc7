import Testing
import WebSocketTesting

@testable import LibWebSockets

/// A server that dies, or closes with something unread, resets the connection (RFC 1122 section 4.2.2.13), often right
/// behind what it said last.
@Suite(.hangs) struct WebSocketResetTests {
    @Test("Messages and the close frame from before the reset arrive", arguments: Security.allCases)
    func remainingInput(security: Security) async throws {
        let words = (0..<100).map { "message \($0)" }
        let frames = words.map { FaultServer.Frame.text($0) } + [.close(1012, reason: "new version")]
        let script: [FaultServer.Step] = [
            // Time to occupy the loop; should it not suffice, the test is easier to pass and nothing else.
            .upgrade(), .pause(.milliseconds(500)), .write(frames.flatMap(\.bytes)), .reset,
        ]
        let loop = SocketLoop.forTest()
        let server = try FaultServer(tls: try security.faultServer, scripts: [script])
        let socket = try await WebSocket.connect(
            to: server.url(), configuration: .init(tls: try security.client), on: loop)
        let release = await loop.occupy()
        // Returns once the connection is reset.
        _ = try await server.transcript()
        release()
        var received: [String?] = []
        // The closure tells how the connection ends.
        do { for try await message in socket.messages { received.append(message.text) } } catch {}
        #expect(received == words)
        let closure = try await socket.closed()
        #expect(closure.received == CloseFrame(code: .serviceRestart, reason: "new version"))
        #expect(closure.initiator == .remote)
        server.stop()
        await loop.shutDown()
    }

    @Test("While nobody reads, whoever waits for anything else is told of a reset; what came before can be read")
    func whilePaused() async throws {
        for security in Security.allCases {
            let words = (0..<100).map { "message \($0)" }
            var script: [FaultServer.Step] = [
                .upgrade(), .write(words.flatMap { FaultServer.Frame.text($0).bytes }), .reset,
            ]
            // With an orderly end in front of it, the peer's close frame may be among what was not read.
            if security == .tls { script.insert(.closeNotify, at: 2) }
            let loop = SocketLoop.forTest()
            let server = try FaultServer(tls: try security.faultServer, scripts: [script])
            let socket = try await WebSocket.connect(
                to: server.url(), configuration: .init(tls: try security.client, receiveBufferSize: 1_000), on: loop)
            let error = await #expect(throws: WebSocketError.self) { try await socket.ping() }
            #expect([.connectionLost, .connectionClosed].contains(error?.code))
            if security == .plain { #expect(try await socket.closed().initiator == .connectionLoss) }
            await #expect(throws: WebSocketError.self) { try await socket.send("too late") }
            var received: [String?] = []
            do { for try await message in socket.messages { received.append(message.text) } } catch {}
            #expect(received == words)
            server.stop()
            await loop.shutDown()
        }
    }

    @Test("While nobody reads, the peer's close frame in front of a reset tells how the connection ended, and at once")
    func closeFrameWhilePaused() async throws {
        for security in Security.allCases {
            let words = (0..<100).map { "message \($0)" }
            let frames = words.map { FaultServer.Frame.text($0) } + [.close(1008, reason: "why")]
            let script: [FaultServer.Step] = [.upgrade(), .write(frames.flatMap(\.bytes)), .reset]
            let loop = SocketLoop.forTest()
            let server = try FaultServer(tls: try security.faultServer, scripts: [script])
            let socket = try await WebSocket.connect(
                to: server.url(), configuration: .init(tls: try security.client, receiveBufferSize: 1_000), on: loop)
            #expect(try await socket.closed().received == CloseFrame(code: .policyViolation, reason: "why"))
            #expect(socket.closeError?.code == .closedWithError)
            #expect(socket.statistics.bytesWaitingToBeRead >= words.reduce(0) { $0 + 2 + $1.utf8.count })
            var received: [String?] = []
            let error = await #expect(throws: WebSocketError.self) {
                for try await message in socket.messages { received.append(message.text) }
            }
            #expect(error?.code == .closedWithError)
            #expect(received == words)
            server.stop()
            await loop.shutDown()
        }
    }
}
