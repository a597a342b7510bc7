import LibC
import Dispatch
import TestSupport
import Testing

@testable import LibWebSockets

@Suite(.hangs) struct ResolverTests {
    private func addresses(
        of host: String, port: Int = 4711, resolver: Resolver = .shared
    ) async throws -> [SocketAddress] {
        try await withCheckedThrowingContinuation { continuation in
            resolver.addresses(of: host, port: port) { result in continuation.resume(with: result) }
        }
    }

    @Test(
        "A literal is its own address",
        arguments: [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("2001:DB8:0:0::1", "2001:db8::1")])
    func literals(host: String, address: String) async throws {
        #expect(try await addresses(of: host) == [SocketAddress(host: address, port: 4711)])
    }

    @Test("localhost has loopback addresses, none of them twice")
    func localhost() async throws {
        let found = try await addresses(of: "localhost")
        #expect(!found.isEmpty)
        #expect(Set(found).count == found.count)
        #expect(found.allSatisfy { $0.port == 4711 && ["127.0.0.1", "::1"].contains($0.host) })
    }

    @Test("A name without an address is a typed error that names it", arguments: ["no-such-host.invalid", "a..b"])
    func unknown(host: String) async throws {
        let error = try await #require(throws: WebSocketError.self) { try await addresses(of: host) }
        #expect(error.code == .nameResolutionFailed)
        #expect(error.stage == .nameResolution)
        #expect(error.message.hasPrefix("the host name \"\(host)\" could not be resolved: "))
        #expect(error.message.hasSuffix(". Is it spelt right, and does this machine's resolver work?"))
    }

    // MARK: - A name server that is silent

    /// Keeps threads that look names up from going on, as a silent name server does.
    private final class SilentNameServer: Sendable {
        private let answer = DispatchSemaphore(value: 0)
        private let asked = Counter()

        /// The number of lookups so far.
        var count: Int { asked.value }

        /// `fast.test` is answered at once, any other name when the server has been told to answer.
        func resolver(threadLimit: Int = Resolver.maximumThreadCount) -> Resolver {
            Resolver(threadLimit: threadLimit) { host in
                if host != "fast.test" {
                    self.asked.increment()
                    self.answer.wait()
                }
                return .success([SocketAddress(host: "192.0.2.1", port: 0)])
            }
        }

        func answer(_ count: Int) {
            for _ in 0..<count { answer.signal() }
        }
    }

    @Test("Lookups without an answer hold up neither Swift's tasks nor an open connection")
    func executorGoesOn() async throws {
        let nameServer = SilentNameServer()
        let resolver = nameServer.resolver()
        let names = Resolver.maximumThreadCount
        try await withServer(.plain, handler: ServerPair.echo) { pair in
            let socket = try await pair.connect()
            let answers = Counter()
            for index in 0..<names {
                resolver.addresses(of: "silent-\(index).test", port: 1) { _ in answers.increment() }
            }
            defer { nameServer.answer(names) }
            try await eventually("not every lookup has a thread") { nameServer.count == names }
            for index in 0..<100 {
                try await socket.send("\(index)")
                #expect(try await socket.receive(1) == [.text("\(index)")])
            }
            let sum = await withTaskGroup(of: Int.self) { group in
                for index in 0..<1_000 { group.addTask { index } }
                return await group.reduce(0, +)
            }
            #expect(sum == 499_500)
            #expect(answers.value == 0, "a lookup ended, so that nothing was shown")
            await socket.close()
        }
        try await eventually("threads stay when there is nothing to look up") { resolver.threadCount == 0 }
    }

    @Test("With all threads but one blocked another name is found, and with all of them it is its turn when one ends")
    func limit() async throws {
        let nameServer = SilentNameServer()
        let resolver = nameServer.resolver()
        let last = Resolver.maximumThreadCount - 1
        let answers = Counter()
        for index in 0..<last {
            resolver.addresses(of: "silent-\(index).test", port: 1) { _ in answers.increment() }
        }
        try await eventually { nameServer.count == last }
        #expect(
            try await addresses(of: "fast.test", resolver: resolver) == [SocketAddress(host: "192.0.2.1", port: 4711)])

        resolver.addresses(of: "silent-\(last).test", port: 1) { _ in answers.increment() }
        try await eventually { nameServer.count == last + 1 }
        let waiting = Counter()
        for name in ["fast.test", "another.test"] {
            resolver.addresses(of: name, port: 1) { _ in waiting.increment() }
        }
        #expect(resolver.threadCount == Resolver.maximumThreadCount)
        nameServer.answer(1)
        try await eventually("the end of a lookup did not let the next one through") { waiting.value == 1 }
        nameServer.answer(last + 1)
        try await eventually { waiting.value == 2 && answers.value == last + 1 && resolver.threadCount == 0 }
    }

    @Test("A thread that looks names up says so in its name")
    func threadName() async throws {
        let names = Collector<String>()
        let resolver = Resolver { _ in
            names.add(currentThreadName)
            return .success([SocketAddress(host: "192.0.2.1", port: 0)])
        }
        _ = try await addresses(of: "fast.test", resolver: resolver)
        #expect(names.all == ["name-lookup"])
    }

    @Test("However often one name is asked for, it holds one thread, and all get their answer with their own port")
    func sameName() async throws {
        let nameServer = SilentNameServer()
        let resolver = nameServer.resolver(threadLimit: 2)
        let ports = Collector<Int>()
        for port in 1...100 {
            resolver.addresses(of: "silent.test", port: port) { result in
                for address in (try? result.get()) ?? [] { ports.add(address.port) }
            }
        }
        try await eventually { nameServer.count == 1 }
        #expect(resolver.threadCount == 1)
        _ = try await addresses(of: "fast.test", resolver: resolver)
        nameServer.answer(1)
        try await eventually { ports.all.count == 100 }
        #expect(Set(ports.all) == Set(1...100))
        #expect(nameServer.count == 1)
    }

    @Test("A lookup that was given up is not made when its turn comes, and nobody hears of it")
    func cancellation() async throws {
        let nameServer = SilentNameServer()
        let resolver = nameServer.resolver(threadLimit: 1)
        let calls = Counter()
        let underWay = resolver.addresses(of: "first.test", port: 1) { _ in calls.increment() }
        try await eventually { nameServer.count == 1 }
        let waiting = resolver.addresses(of: "second.test", port: 1) { _ in calls.increment() }
        waiting?.cancel()
        underWay?.cancel()
        nameServer.answer(1)
        try await eventually { resolver.threadCount == 0 }
        #expect(nameServer.count == 1)
        #expect(calls.value == 0)
    }

    @Test("An attempt that ends leaves no lookup waiting", arguments: [false, true])
    func attemptEnds(isCancelled: Bool) async throws {
        let nameServer = SilentNameServer()
        let resolver = nameServer.resolver(threadLimit: 1)
        resolver.addresses(of: "first.test", port: 1) { _ in }
        try await eventually { nameServer.count == 1 }
        defer { nameServer.answer(1) }
        let loop = SocketLoop.forTest()
        let plan = try ConnectAttempt.Plan(
            endpoint: Endpoint("ws://second.test"),
            configuration: WebSocketConfiguration(connectTimeout: isCancelled ? .seconds(86_400) : .milliseconds(50)))
        let attempt = Task {
            try await ConnectAttempt.run(
                plan, within: plan.configuration.connectTimeout, on: loop, resolver: resolver)
        }
        try await eventually("the attempt looks no name up") { resolver.waitingNameCount == 1 || !isCancelled }
        if isCancelled { attempt.cancel() }
        await #expect(throws: (any Error).self) { try await attempt.value }
        #expect(resolver.waitingNameCount == 0)
        await loop.shutDown()
    }

    @Test("A lookup that gets no thread says so, with the system's error, and the next one tries again")
    func noThread() async throws {
        let starts = Counter()
        let resolver = Resolver(
            lookUp: { _ in .success([SocketAddress(host: "192.0.2.1", port: 0)]) },
            startThread: { body in starts.increment() == 1 ? EAGAIN : DetachedThread.start(named: "name-lookup", body) }
        )
        let error = try await #require(throws: WebSocketError.self) {
            try await addresses(of: "any.test", resolver: resolver)
        }
        #expect(error.code == .resourceUnavailable)
        #expect(error.errno == EAGAIN)
        #expect(error.message.contains("no thread could be started to look up host names"))
        #expect(try await addresses(of: "any.test", resolver: resolver).count == 1)
    }

    @Test("Where no look-up has begun when the time is over, the error says so")
    func heldUpBehindOthers() async throws {
        let silence = DispatchSemaphore(value: 0)
        let resolver = Resolver(
            threadLimit: 1,
            lookUp: { _ in
                silence.wait()
                return .success([])
            })
        let loop = SocketLoop.forTest()
        func message(_ host: String) async throws -> String {
            let plan = try ConnectAttempt.Plan(
                endpoint: Endpoint("ws://\(host)/"),
                configuration: WebSocketConfiguration(connectTimeout: .milliseconds(100)))
            let error = await #expect(throws: WebSocketError.self) {
                try await ConnectAttempt.run(plan, within: .milliseconds(100), on: loop, resolver: resolver)
            }
            return error?.message ?? ""
        }
        let first = try await message("first.invalid")
        #expect(first.hasSuffix("to resolve the host name \"first.invalid\""))
        #expect(try await message("second.invalid").contains("\"second.invalid\", which nobody has begun to"))
        silence.signal()
        await loop.shutDown()
    }
}
