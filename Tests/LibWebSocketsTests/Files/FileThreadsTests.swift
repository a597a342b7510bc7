import Synchronization
import LibC
import Dispatch
import TestSupport
import Testing
import WebSocketTesting

@testable import LibWebSockets

@Suite(.timeLimit(.minutes(10))) struct FileThreadsTests {
    @Test("Work that hangs keeps as many threads as the limit says, and what waits is done in its order afterwards")
    func limit() async throws {
        let threads = FileThreads(limit: 2)
        let gate = DispatchSemaphore(value: 0)
        let (begun, ended) = (Collector<Int>(), Collector<Int>())
        for index in 0..<6 {
            threads.run(reading: []) { _ in
                begun.add(index)
                gate.wait()
                ended.add(index)
            }
        }
        try await eventually { begun.all.count == 2 }
        #expect(Set(begun.all) == [0, 1])
        for _ in 0..<6 { gate.signal() }
        try await eventually { ended.all.count == 6 }
        #expect(begun.all.suffix(4).sorted() == [2, 3, 4, 5])
    }

    @Test("A file that hangs keeps one thread, however often it is tried; those of other files go on")
    func aFileThatHangs() async throws {
        let threads = FileThreads(limit: 2)
        let gate = DispatchSemaphore(value: 0)
        let done = Collector<String>()
        for index in 0..<5 {
            threads.run(reading: ["hangs", "good"]) { _ in
                gate.wait()
                done.add("hung \(index)")
            }
        }
        for index in 0..<5 { threads.run(reading: ["other"]) { _ in done.add("other \(index)") } }
        try await eventually { done.all.count == 5 }
        #expect(done.all == (0..<5).map { "other \($0)" })
        #expect(threads.waitingCount == 4)
        for _ in 0..<5 { gate.signal() }
        try await eventually { done.all.count == 10 }
        #expect(done.all.suffix(5) == (0..<5).map { "hung \($0)" }[...])
    }

    @Test("Work that nobody wants any more, and that no thread has begun, is dropped with what it holds")
    func cancelled() async throws {
        let threads = FileThreads(limit: 1)
        let gate = DispatchSemaphore(value: 0)
        let done = Collector<String>()
        threads.run(reading: []) { _ in
            gate.wait()
            done.add("first")
        }
        weak var held: Token?
        let second = {
            let token = Token()
            held = token
            return threads.run(reading: []) { _ in done.add("second \(token)") }
        }()
        threads.run(reading: []) { _ in done.add("third") }
        threads.cancel(second)
        #expect(held == nil)
        gate.signal()
        try await eventually { done.all.count == 2 }
        threads.cancel(second)
        #expect(done.all == ["first", "third"])
    }

    @Test("Without any thread, everything that waits is told the system's error; a thread that is there comes to it")
    func noThread() async throws {
        let (starts, outcomes) = (Collector<@Sendable () -> Void>(), Collector<CInt>())
        let mayStart = Lock(false)
        let threads = FileThreads(limit: 2) { body in
            starts.add(body)
            guard !mayStart.withLock({ $0 }) else { return 0 }
            return EAGAIN
        }
        threads.run(reading: []) { outcomes.add($0) }
        #expect(outcomes.all == [EAGAIN])
        mayStart.withLock { $0 = true }
        threads.run(reading: []) { outcomes.add($0) }
        mayStart.withLock { $0 = false }
        threads.run(reading: []) { outcomes.add($0) }
        #expect(outcomes.all == [EAGAIN])
        starts.all[1]()
        #expect(outcomes.all == [EAGAIN, 0, 0])
        // The threads' bodies hold what holds them.
        starts.removeAll()
    }

    @Test("An attempt that has ended leaves no work behind")
    func abandoned() async throws {
        let configuration = WebSocketConfiguration(
            tls: TLSClientConfiguration(trustRoots: .pemFile("/etc/example/ca.pem")), connectTimeout: .milliseconds(20))
        let plan = try ConnectAttempt.Plan(endpoint: Endpoint("wss://localhost"), configuration: configuration)
        let loop = SocketLoop.forTest()
        let threads = FileThreads(limit: 0)
        for _ in 0..<3 {
            await #expect(throws: WebSocketError.self) {
                try await ConnectAttempt.run(plan, within: .milliseconds(20), on: loop, files: threads)
            }
        }
        #expect(threads.waitingCount == 0)
        await loop.shutDown()
    }

    @Test("While a file is not read, the attempt keeps its deadline and names the file")
    func deadline() async throws {
        let configuration = WebSocketConfiguration(
            tls: TLSClientConfiguration(trustRoots: .pemFile("/etc/example/ca.pem")), connectTimeout: .milliseconds(20))
        let plan = try ConnectAttempt.Plan(endpoint: Endpoint("wss://localhost"), configuration: configuration)
        let loop = SocketLoop.forTest()
        // No thread at all is as good as one that hangs.
        let error = await #expect(throws: WebSocketError.self) {
            try await ConnectAttempt.run(plan, within: .milliseconds(20), on: loop, files: FileThreads(limit: 0))
        }
        #expect(error?.code == .timedOut)
        #expect(error?.stage == .configuration)
        #expect(error?.message.contains("to read /etc/example/ca.pem") == true)
        await loop.shutDown()
    }

    @Test("A server's files are not read on the loop: without a thread it says so, and cancelled it waits no longer")
    func server() async throws {
        let identity = TLSIdentity.pemFiles(certificateChain: "/nowhere/server.pem", privateKey: "/nowhere/server.key")
        let configuration = WebSocketServer.Configuration(tls: TLSServerConfiguration(identity: identity))
        let loop = SocketLoop.forTest()
        let noThread = FileThreads(limit: 1) { _ in EAGAIN }
        let error = await #expect(throws: WebSocketError.self) {
            try await WebSocketServer.start(configuration: configuration, on: loop, files: noThread) { _, _ in }
        }
        #expect(error?.code == .resourceUnavailable)
        #expect(error?.errno == EAGAIN)
        let hanging = FileThreads(limit: 0)
        let start = Task {
            try await WebSocketServer.start(configuration: configuration, on: loop, files: hanging) { _, _ in }
        }
        try await eventually { hanging.waitingCount == 1 }
        start.cancel()
        await #expect(throws: CancellationError.self) { try await start.value }
        #expect(hanging.waitingCount == 0)
        await loop.shutDown()
    }

    @Test("A file that cannot be read fails the attempt as it fails the validation")
    func unreadable() async throws {
        let configuration = WebSocketConfiguration(tls: TLSClientConfiguration(trustRoots: .pemFile("/nowhere/ca.pem")))
        let expected = try #require(throws: WebSocketError.self) {
            try WebSocket.validate("wss://localhost", configuration: configuration)
        }
        let loop = SocketLoop.forTest()
        let error = await #expect(throws: WebSocketError.self) {
            try await WebSocket.connect(to: "wss://localhost", configuration: configuration, on: loop)
        }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message == expected.message)
        #expect(error?.message.contains("/nowhere/ca.pem") == true)
        await loop.shutDown()
    }
}

private final class Token: Sendable {}
