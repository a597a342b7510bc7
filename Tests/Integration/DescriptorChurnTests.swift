import Foundation
import LibWebSockets
import Synchronization
import Testing

/// Runs with the process to itself: the descriptors that come and go here would take the numbers of other tests' loops too.
@Suite("A process that opens and closes descriptors all the time", .timeLimit(.minutes(10)))
struct DescriptorChurnTests {
    @Test("Where loops end, peers see it and the port is free")
    func shutDown() async throws {
        // They take the number of the one that libwebsockets closes twice, which must not be closed under them.
        let isDone = Atomic(false)
        let churn = Thread {
            while !isDone.load(ordering: .relaxed) {
                let copies = (0..<64).map { _ in dup(2) }
                for copy in copies { close(copy) }
            }
        }
        churn.start()
        defer { isDone.store(true, ordering: .relaxed) }
        let echo: WebSocketServer.Handler = { socket, _ in
            for try await message in socket.messages { try await socket.send(message) }
        }
        for _ in 0..<40 {
            let (serverLoop, clientLoop) = (SocketLoop(), SocketLoop())
            let server = try await WebSocketServer.start(on: serverLoop, handler: echo)
            let client = try await WebSocket.connect(to: server.url, on: clientLoop)
            await serverLoop.shutDown()
            #expect(try await client.closed().initiator == .connectionLoss)
            await server.stop()
            let again = try await WebSocketServer.start(
                configuration: .init(port: server.port), on: clientLoop, handler: echo)
            await again.stop()
            await clientLoop.shutDown()
        }
    }
}
