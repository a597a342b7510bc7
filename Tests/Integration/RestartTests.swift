import Synchronization
import Foundation
import LibWebSockets
import TestSupport
import Testing
import WebSocketService
import WebSocketTesting

/// A server that can go and come back on its port.
private protocol RestartableServer: Sendable {
    /// As a crash ends it: connections are lost.
    func kill() async
    /// As an operator ends it: connections are closed with 1001.
    func end() async
    func restart() async throws
}

extension TestServer: RestartableServer {
    fileprivate func end() async { await stop() }
}

extension ExternalServer: RestartableServer {
    fileprivate func end() async { await terminate() }
}

@Suite("A server that restarts a hundred times", .needsEchoServer, .timeLimit(.minutes(10)))
struct RestartTests {
    // In a process of its own, whose descriptors are all of this test's making.
    @Test("Each connection renews the subscription, then gets what was queued; nothing is left over")
    func hundredRestarts() async {
        await #expect(processExitsWith: .success) {
            // The first round makes what libraries make once and keep: queues, random numbers, signals.
            try await Self.restartInProcess(times: 1)
            try await Self.restartPython(times: 1)
            let before = OpenDescriptors.names
            let inProcess = try await timed { try await Self.restartInProcess(times: 90) }.1
            let python = try await timed { try await Self.restartPython(times: 10) }.1
            try await eventually("open before: \(before); now: \(OpenDescriptors.names)") {
                OpenDescriptors.names.count <= before.count
            }
            // Standard output is not passed on.
            FileHandle.standardError.write(Data("90 restarts took \(inProcess), 10 of Python \(python)\n".utf8))
        }
    }

    private static func restartInProcess(times: Int) async throws {
        let loop = SocketLoop()
        let server = try await TestServer.start(on: loop) { socket, _ in
            for try await message in socket.messages { try await socket.send(message) }
        }
        let transport = WebSocketTransport(configuration: server.clientConfiguration, socketLoop: loop)
        try await survive(times, restartsOf: server, url: server.url, transport)
        try await eventually("the server still has connections") { server.connectionCount == 0 }
        await server.stop()
        await loop.shutDown()
    }

    private static func restartPython(times: Int) async throws {
        try await withSecureEchoServer { server, configuration in
            let loop = SocketLoop()
            let transport = WebSocketTransport(configuration: configuration, socketLoop: loop)
            try await survive(times, restartsOf: server, url: server.url(scheme: "wss"), transport)
            await loop.shutDown()
        }
    }

    private static func survive(
        _ restarts: Int, restartsOf server: any RestartableServer, url: String, _ transport: WebSocketTransport
    ) async throws {
        weak var released: SocketService?
        do {
            let service = SocketService(
                url, transport: transport,
                reconnect: .exponential(initial: .milliseconds(2), maximum: .milliseconds(50)),
                heartbeat: .ping(every: .milliseconds(50), timeout: .seconds(5)), options: .quiet)
            released = service
            let received = Lock<[String]>([])
            let ends = Lock<[CloseCode]>([])
            service.onOpen { [weak service] _ in try await service?.send("subscription") }
            service.onMessage { message in received.withLock { $0.append(message.text ?? "") } }
            service.onClose { end in ends.withLock { $0.append(end.code) } }
            try await withSocketService(service, waitingForOpen: true) { service in
                try await eventually("no subscription") { received.withLock { $0 == ["subscription"] } }
                let descriptors = OpenDescriptors.names.count
                var expected = ["subscription"]
                for restart in 1...restarts {
                    await restart.isMultiple(of: 2) ? server.end() : server.kill()
                    try await eventually("the end of connection \(restart) was not noticed") { service.state != .open }
                    let outcome = try await service.send("message \(restart)")
                    #expect(outcome == .queued)
                    try await server.restart()
                    expected += ["subscription", "message \(restart)"]
                    try await eventually("message \(restart) did not come back") {
                        received.withLock(\.count) == expected.count
                    }
                }
                #expect(received.withLock { $0 } == expected)
                let expectedEnds = (1...restarts).map { $0.isMultiple(of: 2) ? CloseCode.goingAway : .abnormalClosure }
                let unexpected = zip(ends.withLock { $0 }, expectedEnds).enumerated().filter { $1.0 != $1.1 }
                #expect(ends.withLock(\.count) == restarts)
                #expect(unexpected.isEmpty, "of \(url): \(unexpected.map { "\($0.offset + 1): \($0.element.0)" })")
                #expect(service.statistics.connectionsOpened == UInt64(restarts) + 1)
                try await eventually("more descriptors than at first: \(OpenDescriptors.names)") {
                    OpenDescriptors.names.count <= descriptors
                }
                #expect(await service.stop() == [])
            }
        }
        // Every task of a service keeps it.
        try await eventually("a task of the service still runs") { released == nil }
    }
}

/// The descriptors that this process has open, as the kernel tells it.
private enum OpenDescriptors {
    /// The target of each descriptor (proc(5)).
    static var names: [String] {
        #if os(Linux)
            let directory = "/proc/self/fd"
        #else
            let directory = "/dev/fd"
        #endif
        let descriptors = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return descriptors.compactMap { descriptor in
            // The one that reads the directory is gone by now.
            guard let number = Int32(descriptor), fcntl(number, F_GETFD) >= 0 else { return nil }
            let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\(descriptor)")
            return "\(descriptor): \(target ?? "")"
        }
    }
}
