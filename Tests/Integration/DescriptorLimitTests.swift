import Foundation
import LibWebSockets
import Logging
import TestSupport
import Testing

/// Runs with the process to itself: its limit is everybody's.
@Suite("A process that has no descriptor left", .timeLimit(.minutes(10)))
struct DescriptorLimitTests {
    /// A TCP connection that exists before the limit is reached.
    private static func connect(_ descriptor: CInt, port: Int) -> Bool {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    @Test("A server says so once, and accepts who waits as soon as it can")
    func accept() async throws {
        let log = LogLines()
        let server = try await WebSocketServer.start(configuration: .init(logger: log.logger(.debug))) { _, _ in }
        // The first timer of a process needs descriptors itself, and libdispatch ends the process when it gets none.
        try await Task.sleep(for: .milliseconds(1))
        let clients = (0..<3).map { _ in socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0) }
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let before = limit.rlim_cur
        limit.rlim_cur = min(before, 1_024)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        var fillers: [CInt] = []
        while case let copy = dup(0), copy >= 0 { fillers.append(copy) }

        #expect(clients.allSatisfy { Self.connect($0, port: server.port) }, "the system's queue takes them")
        try? await eventually("the server never ran out of descriptors") {
            log.messages(.debug).count { $0.hasSuffix("connections cannot be accepted for now and wait") } > 0
        }
        // Long enough for the server to try again, several times.
        try? await Task.sleep(for: .milliseconds(350))
        for filler in fillers { close(filler) }
        limit.rlim_cur = before
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)

        #expect(log.messages(.debug).count { $0.hasSuffix("connections cannot be accepted for now and wait") } == 1)
        for client in clients {
            let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
            #expect(send(client, request, request.utf8.count, CInt(MSG_NOSIGNAL)) == request.utf8.count)
            var answer = [UInt8](repeating: 0, count: 12)
            #expect(recv(client, &answer, answer.count, CInt(MSG_WAITALL)) == answer.count)
            #expect(String(decoding: answer, as: UTF8.self).hasPrefix("HTTP/1.1 4"), "it is no WebSocket client")
            close(client)
        }
        await server.stop()
    }
}
