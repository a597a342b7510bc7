import Testing

@testable import LibWebSockets

/// The loop as an executor of tasks.
@Suite(.hangs) struct SocketLoopExecutorTests {
    @Test(
        "A task that prefers the loop runs on its thread, also after it has waited", arguments: SocketLoop.testBackends)
    func taskExecutor(backend: SocketLoop.Backend) async throws {
        let loop = SocketLoop(backend: backend)
        let loopThread = try await loop.run { _ in currentThread }
        let threads = await withTaskExecutorPreference(loop) {
            var threads = [currentThread]
            await Task.yield()
            threads.append(currentThread)
            async let child = currentThread
            threads.append(await child)
            return threads
        }
        #expect(threads == [loopThread, loopThread, loopThread])
        await loop.shutDown()
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

    @Test("A task whose loop is shut down goes on elsewhere", arguments: SocketLoop.testBackends)
    func taskOutlivesTheLoop(backend: SocketLoop.Backend) async throws {
        let loop = SocketLoop(backend: backend)
        let arrived = Relay<Void>()
        let goOn = Relay<Void>()
        let task = Task(executorPreference: loop) {
            arrived.give(())
            try await goOn.take()
            return "finished"
        }
        try await arrived.take()
        await loop.shutDown()
        goOn.give(())
        #expect(try await task.value == "finished")
        let late = Task(executorPreference: loop) { "ran" }
        #expect(await late.value == "ran")
    }
}
