import Dispatch
import Testing
import WebSocketTesting

@testable import LibWebSockets

@Suite(.timeLimit(.minutes(1))) struct FileThreadsTests {
    @Test("Work that hangs keeps as many threads as the limit says, and what waits is done in its order afterwards")
    func limit() async throws {
        let threads = FileThreads(limit: 2)
        let gate = DispatchSemaphore(value: 0)
        let (begun, ended) = (Collector<Int>(), Collector<Int>())
        for index in 0..<6 {
            #expect(
                threads.run {
                    begun.add(index)
                    gate.wait()
                    ended.add(index)
                } == 0)
        }
        try await eventually { begun.all.count == 2 }
        #expect(Set(begun.all) == [0, 1])
        for _ in 0..<6 { gate.signal() }
        try await eventually { ended.all.count == 6 }
        #expect(begun.all.suffix(4).sorted() == [2, 3, 4, 5])
    }

    @Test("While a file is not read, the attempt keeps its deadline and names the file")
    func deadline() async throws {
        let configuration = WebSocketConfiguration(
            tls: TLSConfiguration(trustRoots: .file("/etc/example/ca.pem")), connectTimeout: .milliseconds(20))
        let plan = try ConnectAttempt.Plan(endpoint: Endpoint("wss://localhost"), configuration: configuration)
        let loop = EventLoop.forTest()
        // No thread at all is as good as one that hangs.
        let error = await #expect(throws: WebSocketError.self) {
            try await ConnectAttempt.run(plan, within: .milliseconds(20), on: loop, files: FileThreads(limit: 0))
        }
        #expect(error?.code == .timedOut)
        #expect(error?.stage == .configuration)
        #expect(error?.message.contains("to read /etc/example/ca.pem") == true)
        await loop.shutdown()
    }

    @Test("A file that cannot be read fails the attempt as it fails the validation")
    func unreadable() async throws {
        let configuration = WebSocketConfiguration(tls: TLSConfiguration(trustRoots: .file("/nowhere/ca.pem")))
        let expected = try #require(throws: WebSocketError.self) {
            try WebSocket.validate("wss://localhost", configuration: configuration)
        }
        let loop = EventLoop.forTest()
        let error = await #expect(throws: WebSocketError.self) {
            try await WebSocket.connect(to: "wss://localhost", configuration: configuration, on: loop)
        }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message == expected.message)
        #expect(error?.message.contains("/nowhere/ca.pem") == true)
        await loop.shutdown()
    }
}
