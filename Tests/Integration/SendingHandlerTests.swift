import Synchronization
import Foundation
import LibWebSockets
import TestSupport
import Testing
import WebSocketService
import WebSocketTesting

/// A handler, or a loop over messages, that sends without end while its server is killed and restarted. Neither the loss
/// nor the next connection may wait for it.
@Suite("A server that dies while a handler sends", .timeLimit(.minutes(10)))
struct SendingHandlerTests {
    private struct Sender: CustomTestStringConvertible {
        let overflow: QueuePolicy.Overflow
        let isLoop: Bool
        var testDescription: String { "\(isLoop ? "loop" : "handler"), \(overflow)" }
    }

    private static let senders = [false, true].flatMap { isLoop in
        QueuePolicy.Overflow.allCases.map { Sender(overflow: $0, isLoop: isLoop) }
    }

    @Test("The service reconnects, greets and sends again", arguments: senders)
    private func restarts(sender: Sender) async throws {
        let loop = SocketLoop()
        let server = try await TestServer.start(on: loop) { socket, _ in
            try await socket.send("go")
            // It reads nothing, so that the sender comes to the high-water mark.
            _ = try await socket.closed()
        }
        let service = SocketService(
            server.url, transport: WebSocketTransport(configuration: server.clientConfiguration, socketLoop: loop),
            reconnect: .exponential(initial: .milliseconds(5), maximum: .milliseconds(50)),
            heartbeat: .ping(every: .milliseconds(100), timeout: .seconds(5)),
            queue: QueuePolicy(limit: 50, overflow: sender.overflow), options: .quiet)
        let isDone = Lock(false)
        let greetings = Lock(0)
        let sent = Lock(0)
        service.onOpen { _ in greetings.withLock { $0 += 1 } }
        let payload = [UInt8](repeating: 7, count: 16 << 10)
        let sendInALoop: @Sendable () async throws -> Void = {
            while !isDone.withLock({ $0 }), !Task.isCancelled {
                do {
                    if try await service.send(payload) == .sent { sent.withLock { $0 += 1 } }
                } catch is SocketServiceError {
                    // The rule is to fail, or what sends must not wait.
                    await Task.yield()
                }
            }
        }
        var looping: Task<Void, any Error>?
        if sender.isLoop {
            let messages = service.messages
            let hasBegun = Lock(false)
            looping = Task {
                var iterator = messages.makeAsyncIterator()
                hasBegun.withLock { $0 = true }
                while await iterator.next() != nil { try await sendInALoop() }
            }
            try await eventually("the loop did not begin") { hasBegun.withLock { $0 } }
        } else {
            service.onMessage { _ in try await sendInALoop() }
        }
        try await service.start(waitingForOpen: true)
        try await eventually("nothing was sent") { sent.withLock { $0 } > 10 }
        for restart in 1...3 {
            await server.kill()
            try await eventually("loss \(restart) was not noticed") { service.state != .open }
            try await server.restart()
            try await eventually("connection \(restart + 1) was not made") {
                service.statistics.connectionsOpened == UInt64(restart) + 1 && service.state == .open
            }
        }
        isDone.withLock { $0 = true }
        // The last connection is greeted as soon as those before it are done with.
        try await eventually("only \(greetings.withLock { $0 }) greetings") { greetings.withLock { $0 } == 4 }
        await service.stop()
        try await looping?.value
        await server.stop()
        await loop.shutDown()
    }
}
