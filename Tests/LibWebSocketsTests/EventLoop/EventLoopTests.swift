import Synchronization
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

@Suite(.hangs) struct EventLoopTests {
    /// Runs `work` on the loop and returns what it returns.
    private func run<Value: Sendable>(
        on loop: EventLoop, _ work: @escaping @Sendable (LoopCore) -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            do {
                try loop.submit { continuation.resume(returning: work($0)) }
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    private static var currentThread: UInt { UInt(bitPattern: pthread_self().hashValue) }

    static let backends: [EventLoop.Backend] = EventLoop.testsRunOnLibuv ? [.libuv, .poll] : [.poll]

    // MARK: - Work

    @Test("Work runs in order, on the one thread of the loop", arguments: backends)
    func order(backend: EventLoop.Backend) async throws {
        let loop = EventLoop(backend: backend)
        let numbers = Collector<Int>()
        let threads = Collector<UInt>()
        for number in 0..<1_000 {
            try loop.submit { core in
                core.preconditionOnLoop()
                numbers.add(number)
                threads.add(Self.currentThread)
            }
        }
        try await run(on: loop) { _ in }
        #expect(numbers.all == Array(0..<1_000))
        #expect(Set(threads.all).count == 1)
        #expect(threads.all.first != Self.currentThread)
        await loop.shutdown()
    }

    @Test("Work submitted from several threads all runs, each thread's in its order", arguments: backends)
    func concurrentSubmits(backend: EventLoop.Backend) async throws {
        let loop = EventLoop(backend: backend)
        let entries = Collector<(Int, Int)>()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for sender in 0..<8 {
                group.addTask {
                    for number in 0..<500 { try loop.submit { _ in entries.add((sender, number)) } }
                }
            }
            try await group.waitForAll()
        }
        try await run(on: loop) { _ in }
        for sender in 0..<8 {
            #expect(entries.all.filter { $0.0 == sender }.map(\.1) == Array(0..<500))
        }
        await loop.shutdown()
    }

    @Test("Work may submit work, which runs in a later turn", arguments: backends)
    func nestedSubmit(backend: EventLoop.Backend) async throws {
        let loop = EventLoop(backend: backend)
        let entries = Collector<String>()
        let done = Handover<Void>()
        try loop.submit { _ in
            try? loop.submit { _ in
                entries.add("inner")
                done.give(())
            }
            entries.add("outer")
        }
        try await done.take()
        #expect(entries.all == ["outer", "inner"])
        await loop.shutdown()
    }

    // MARK: - The end

    @Test("A loop that nobody refers to ends its thread and frees what it held", arguments: backends)
    func deinitEndsTheThread(backend: EventLoop.Backend) async throws {
        weak var core: LoopCore?
        weak var weakLoop: EventLoop?
        do {
            let loop = EventLoop(backend: backend)
            weakLoop = loop
            core = try await run(on: loop) { CoreReference(core: $0) }.core
            #expect(core != nil)
        }
        #expect(weakLoop == nil)
        try await eventually("the thread goes on") { core == nil }
    }

    @Test("A connection keeps its loop; when both are dropped, both go", arguments: backends)
    func connectionKeepsTheLoop(backend: EventLoop.Backend) async throws {
        weak var weakLoop: EventLoop?
        try await withServer(handler: ServerPair.echo) { pair in
            let socket: WebSocket
            do {
                let loop = EventLoop(backend: backend)
                weakLoop = loop
                socket = try await WebSocket.connect(to: pair.server.url, on: loop)
            }
            #expect(weakLoop != nil)
            try await socket.send("alive")
            #expect(try await socket.receive(1) == [.text("alive")])
        }
        try await eventually("the loop outlives its connection") { weakLoop == nil }
    }

    @Test("Work after shutdown() is refused", arguments: backends)
    func submitAfterShutdown(backend: EventLoop.Backend) async throws {
        for hasRun in [false, true] {
            let loop = EventLoop(backend: backend)
            if hasRun { try await run(on: loop) { _ in } }
            await loop.shutdown()
            let error = #expect(throws: WebSocketError.self) { try loop.submit { _ in } }
            #expect(error?.code == .eventLoopShutDown)
            #expect(error?.message == "the event loop was shut down; make connections on another one")
            await #expect(throws: WebSocketError.self) {
                try await WebSocket.connect(to: "ws://127.0.0.1:9/", on: loop)
            }
            await #expect(throws: WebSocketError.self) {
                try await WebSocketServer.start(on: loop) { _, _ in }
            }
        }
    }

    @Test(
        "shutdown() may be called again, and by several tasks at once; each returns when the thread has gone",
        arguments: backends)
    func repeatedShutdown(backend: EventLoop.Backend) async throws {
        let loop = EventLoop(backend: backend)
        let reference = try await run(on: loop) { CoreReference(core: $0) }
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 { group.addTask { await loop.shutdown() } }
        }
        await loop.shutdown()
        try await eventually("the core outlives its thread") { reference.core == nil }
    }

    @Test("Work that was submitted before shutdown() still runs", arguments: backends)
    func pendingWork(backend: EventLoop.Backend) async throws {
        let loop = EventLoop(backend: backend)
        let count = Counter()
        for _ in 0..<100 { try loop.submit { _ in count.increment() } }
        await loop.shutdown()
        #expect(count.value == 100)
    }

    @Test("shutdown() ends every waiting call once, with a clear error", arguments: Security.allCases)
    func shutdownCompletesWaiters(security: Security) async throws {
        // The texts show that ping and close frame had come: then the calls below were really waiting.
        let script: [FaultServer.Step] = [.upgrade(), .readFrames(1), .write(.text("pinged")), .stall]
        let silent = try FaultServer(scripts: [[.readRequest, .stall]])
        try await withFaultServer(
            listening: script, security: security,
            configuration: WebSocketConfiguration(sendBufferSize: 1 << 10, closeTimeout: .seconds(86_400))
        ) { server, _ in
            let loop = EventLoop.forTest()
            var configuration = WebSocketConfiguration(sendBufferSize: 1 << 10, closeTimeout: .seconds(86_400))
            configuration.tls = try security.client
            let socket = try await WebSocket.connect(to: server.url(), configuration: configuration, on: loop)
            let outcomes = Collector<(String, any Error)>()
            let sent = Counter()
            let returned = Counter()
            await withTaskGroup(of: Void.self) { group in
                func call(_ name: String, _ body: @escaping @Sendable () async throws -> Void) {
                    group.addTask {
                        do {
                            try await body()
                            returned.increment()
                        } catch {
                            outcomes.add((name, error))
                        }
                    }
                }
                call("ping") { _ = try await socket.ping() }
                _ = try? await socket.receive(1)
                call("reader") { _ = try await socket.nextMessages() }
                call("sender") {
                    while true {
                        try await socket.send([UInt8](repeating: 0, count: 64 << 10))
                        sent.increment()
                    }
                }
                call("closed") { _ = try await socket.closed() }
                call("connect") {
                    _ = try await WebSocket.connect(to: silent.url(), on: loop)
                }
                try? await silent.waitForConnection()
                _ = try? await standstill { sent.value }
                await loop.shutdown()
            }
            // `closed()` does not fail: it tells how the connection ended.
            #expect(returned.value == 1)
            #expect(Set(outcomes.all.map(\.0)) == ["ping", "reader", "sender", "connect"])
            for (name, error) in outcomes.all {
                #expect((error as? WebSocketError)?.code == .eventLoopShutDown, "\(name): \(error)")
                #expect(
                    (error as? WebSocketError)?.message.contains("event loop was shut down") == true,
                    "\(name): \(error)")
            }
            #expect(socket.closure == WebSocketClosure(initiator: .connectionLoss, sent: nil, received: nil))
            #expect(socket.closeError?.code == .eventLoopShutDown)
            #expect(OpenSockets.connected(to: Int(server.port)) == 0)
            #expect(OpenSockets.connected(to: Int(silent.port)) == 0)
            let late = await #expect(throws: WebSocketError.self) { try await socket.send("late") }
            #expect(late?.code == .connectionClosed)
            let again = try? await socket.nextMessages()
            #expect(again == .some(nil))
            socket.abort()
            #expect(await socket.close() == socket.closure)
        }
        silent.stop()
    }

    @Test("shutdown() ends a close handshake that is under way")
    func shutdownWhileClosing() async throws {
        let server = try FaultServer(scripts: [[.upgrade(), .readClose, .write(.text("closing")), .stall]])
        let loop = EventLoop.forTest()
        let socket = try await WebSocket.connect(
            to: server.url(), configuration: WebSocketConfiguration(closeTimeout: .seconds(86_400)), on: loop)
        let closing = Task { await socket.close(code: .goingAway) }
        #expect(try await socket.receive(1) == [.text("closing")])
        await loop.shutdown()
        let closure = await closing.value
        #expect(closure.sent?.code == .goingAway)
        #expect(closure.received == nil)
        server.stop()
    }

    @Test("shutdown() ends a server's connections and frees its port; stopping the server afterwards returns")
    func shutdownWithServer() async throws {
        let serverLoop = EventLoop.forTest()
        let clientLoop = EventLoop.forTest()
        let server = try await WebSocketServer.start(on: serverLoop, handler: ServerPair.echo)
        let client = try await WebSocket.connect(to: server.url, on: clientLoop)
        await serverLoop.shutdown()
        let error = await #expect(throws: WebSocketError.self) { try await client.receiveAll() }
        #expect(error?.code == .connectionLost)
        await server.stop()
        await server.kill()
        let next = try await WebSocketServer.start(
            configuration: .init(port: server.port), on: clientLoop, handler: ServerPair.echo)
        #expect(next.port == server.port)
        await next.stop()
        await clientLoop.shutdown()
    }

    // MARK: - Deadlines

    @Test("Deadlines pass in their order, on a loop that has nothing else to do", arguments: backends)
    func timers(backend: EventLoop.Backend) async throws {
        let loop = EventLoop(backend: backend)
        // Many short ones in a row: each is a chance to sleep through it.
        for round in 0..<50 {
            let passed = Collector<Int>()
            let done = Handover<Void>()
            try loop.submit { core in
                for microseconds in [500 + round * 7, 1_000, 2_000, 3_000] {
                    _ = core.schedule(after: .microseconds(microseconds)) { passed.add(microseconds) }
                }
                _ = core.schedule(after: .microseconds(3_100)) { done.give(()) }
            }
            try await done.take()
            #expect(passed.all == [500 + round * 7, 1_000, 2_000, 3_000])
        }
        await loop.shutdown()
    }

    @Test("A deadline never passes early", arguments: backends)
    func notEarly(backend: EventLoop.Backend) async throws {
        let loop = EventLoop(backend: backend)
        for microseconds in [1, 500, 999, 1_000, 1_001, 2_500, 4_999] {
            let waited: Duration = try await withCheckedThrowingContinuation { continuation in
                do {
                    try loop.submit { core in
                        let start = ContinuousClock.now
                        _ = core.schedule(after: .microseconds(microseconds)) {
                            continuation.resume(returning: start.duration(to: .now))
                        }
                    }
                } catch {
                    continuation.resume(throwing: error)
                }
            }
            #expect(waited >= .microseconds(microseconds))
        }
        await loop.shutdown()
    }

    @Test(
        "A cancelled deadline does not pass, and one that comes after a distant one passes in its own time",
        arguments: backends)
    func cancelledTimer(backend: EventLoop.Backend) async throws {
        let loop = EventLoop(backend: backend)
        let passed = Collector<String>()
        let done = Handover<Void>()
        try loop.submit { core in
            let cancelled = core.schedule(after: .milliseconds(1)) { passed.add("cancelled") }
            _ = core.schedule(after: .seconds(86_400)) { passed.add("distant") }
            core.cancel(cancelled)
        }
        try loop.submit { core in
            _ = core.schedule(after: .milliseconds(5)) { done.give(()) }
        }
        try await done.take()
        #expect(passed.all == [])
        await loop.shutdown()
    }

    @Test("Deadlines that are centuries away neither pass nor overflow", arguments: backends)
    func distantTimers(backend: EventLoop.Backend) async throws {
        let loop = EventLoop(backend: backend)
        let passed = Counter()
        try await run(on: loop) { core in
            for delay in [Duration.seconds(86_400 * 365 * 500), .seconds(Int64.max / 4)] {
                _ = core.schedule(after: delay) { passed.increment() }
            }
        }
        // Several turns with the distant alarm set.
        for _ in 0..<10 {
            let done = Handover<Void>()
            try loop.submit { core in _ = core.schedule(after: .milliseconds(1)) { done.give(()) } }
            try await done.take()
        }
        #expect(passed.value == 0)
        await loop.shutdown()
    }

    @Test("A deadline may schedule the next one", arguments: backends)
    func repeatingTimer(backend: EventLoop.Backend) async throws {
        let loop = EventLoop(backend: backend)
        let done = Handover<Int>()
        try loop.submit { core in
            @Sendable func tick(_ core: LoopCore, _ number: Int) {
                guard number < 20 else { return done.give(number) }
                _ = core.schedule(after: .microseconds(300)) { tick(core, number + 1) }
            }
            tick(core, 0)
        }
        #expect(try await done.take() == 20)
        await loop.shutdown()
    }

    // MARK: - As an executor

    @Test("A task that prefers the loop runs on its thread, also after it has waited", arguments: backends)
    func taskExecutor(backend: EventLoop.Backend) async throws {
        let loop = EventLoop(backend: backend)
        let loopThread = try await run(on: loop) { _ in Self.currentThread }
        let threads = await withTaskExecutorPreference(loop) {
            var threads = [Self.currentThread]
            await Task.yield()
            threads.append(Self.currentThread)
            async let child = Self.currentThread
            threads.append(await child)
            return threads
        }
        #expect(threads == [loopThread, loopThread, loopThread])
        await loop.shutdown()
    }

    @Test("A task on the loop can use connections of the same loop", arguments: Security.allCases)
    func connectionsOnTheLoop(security: Security) async throws {
        try await withServer(security, handler: ServerPair.echo) { pair in
            let texts = try await withTaskExecutorPreference(pair.clientLoop) {
                let socket = try await pair.connect()
                for number in 0..<100 { try await socket.send("\(number)") }
                let received = try await socket.receive(100)
                await socket.close()
                return received.map { $0.text ?? "?" }
            }
            #expect(texts == (0..<100).map { "\($0)" })
        }
    }

    @Test("A task whose loop is shut down goes on elsewhere", arguments: backends)
    func taskOutlivesTheLoop(backend: EventLoop.Backend) async throws {
        let loop = EventLoop(backend: backend)
        let arrived = Handover<Void>()
        let goOn = Handover<Void>()
        let task = Task(executorPreference: loop) {
            arrived.give(())
            try await goOn.take()
            return "finished"
        }
        try await arrived.take()
        await loop.shutdown()
        goOn.give(())
        #expect(try await task.value == "finished")
        let late = Task(executorPreference: loop) { "ran" }
        #expect(await late.value == "ran")
    }

    // MARK: - Groups

    @Test("A group hands out its loops in turn, and shuts all of them down")
    func group() async throws {
        let group = EventLoopGroup(count: 3)
        let first = (0..<3).map { _ in ObjectIdentifier(group.next()) }
        #expect(Set(first).count == 3)
        #expect((0..<3).map { _ in ObjectIdentifier(group.next()) } == first)
        #expect(EventLoopGroup(count: 0).loops.count == 1)
        #expect(EventLoopGroup(count: -1).loops.count == 1)
        for loop in group.loops { try await run(on: loop) { _ in } }
        await group.shutdown()
        for loop in group.loops { #expect(throws: WebSocketError.self) { try loop.submit { _ in } } }
    }
}

/// Takes a core out of its loop, to look at its life only.
private struct CoreReference: @unchecked Sendable {
    weak var core: LoopCore?
}
