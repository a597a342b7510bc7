import Logging
import Testing
import WebSocketTesting

@testable import LibWebSockets

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

@Suite(.hangs) struct ServerListenerTests {
    @Test("A server whose listening socket failed serves on, and stops as any other")
    func stopsAfterListeningSocketFailed() async throws {
        try await withServer(handler: ServerPair.echo) { pair in
            let client = try await pair.connect()
            let descriptor = try #require(OpenSockets.listening(on: pair.server.port))
            // Its end is a hang-up, as from a socket that the system has taken away.
            #expect(shutdown(descriptor, CInt(SHUT_RDWR)) == 0)
            try await eventually { OpenSockets.listening(on: pair.server.port) == nil }
            try await client.send("still served")
            #expect(try await client.receive(1) == [.text("still served")])
            await pair.server.stop()
            #expect(try await client.closed().code == .goingAway)
        }
    }

    @Test("A server cannot be started on a loop that has been shut down")
    func loopIsShutDown() async throws {
        let loop = EventLoop.forTest()
        try loop.submit { _ in }
        await loop.shutdown()
        let error = await #expect(throws: WebSocketError.self) {
            try await WebSocketServer.start(on: loop) { _, _ in }
        }
        #expect(error?.code == .eventLoopShutDown)
    }
}
