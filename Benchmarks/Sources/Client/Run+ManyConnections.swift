import LibWebSockets
import Workload

/// The number of connections made at once where many are made.
private let atOnce = 64

extension Run {
    func connects() async throws {
        let options = options
        if options.resume {
            // Each leaves tickets, of which a connection takes one for itself.
            for socket in try await openAll() { await socket.close() }
        }
        var measurement = Measurement()
        let left = Counter(options.count)
        let resumed = Counter()
        measurement.begin()
        try await withThrowingTaskGroup { tasks in
            for _ in 0..<options.connections {
                tasks.addTask {
                    while left.add(-1) >= 0 {
                        let socket = try await options.open()
                        if socket.tls?.isResumed == true { resumed.add(1) }
                        let closure = await socket.close()
                        guard closure.isClean else { throw WrongResult("an unclean end") }
                    }
                }
            }
            try await tasks.waitForAll()
        }
        measurement.end()
        // Many at once may use up what tickets there are.
        guard !options.resume || resumed.value * 2 >= options.count else {
            throw WrongResult("only \(resumed.value) of \(options.count) sessions were resumed")
        }
        measurement.report(messages: options.count)
    }

    /// Opens all connections of the options, some at once.
    private func openAll() async throws -> [WebSocket] {
        let options = options
        return try await withThrowingTaskGroup(of: WebSocket.self) { tasks in
            var sockets: [WebSocket] = []
            sockets.reserveCapacity(options.connections)
            for index in 0..<options.connections {
                if index >= atOnce, let socket = try await tasks.next() { sockets.append(socket) }
                tasks.addTask { try await options.openUsed() }
            }
            for try await socket in tasks { sockets.append(socket) }
            return sockets
        }
    }

    func idle() async throws {
        // The one-time needs of the first connections are not counted.
        let busy = try await options.openUsed()
        for _ in 0..<8 { try await options.openUsed().close() }
        let before = try Measurement.residentKiB()
        let idle = try await openAll()
        let after = try Measurement.residentKiB()
        var roundTrips = try Echo(socket: busy, options: options)
        try await roundTrips.runOneByOne()
        if !idle.isEmpty { roundTrips.measurement.kibPerConnection = (after - before) / Double(idle.count) }
        roundTrips.measurement.report(messages: options.count)
        withExtendedLifetime(idle) {}
    }

    func answer() async throws {
        let options = options
        let answered = Counter()
        var measurement = Measurement()
        try await withThrowingTaskGroup { tasks in
            for _ in 0..<options.connections {
                let socket = try await options.open()
                tasks.addTask {
                    for try await message in socket.messages {
                        try await socket.send(message)
                        answered.add(1)
                    }
                }
            }
            // Until all of them run evenly.
            try await Task.sleep(for: .milliseconds(500))
            let before = answered.value
            measurement.begin()
            try await Task.sleep(for: .seconds(options.seconds))
            measurement.end()
            measurement.report(messages: answered.value - before)
            tasks.cancelAll()
            while let result = await tasks.nextResult() {
                if case .failure(let error) = result, !(error is CancellationError) { throw error }
            }
        }
    }

    func group() async throws {
        let group = SocketLoopGroup(count: options.loops)
        var measurement = Measurement()
        var sockets: [(WebSocket, SocketLoop)] = []
        for _ in 0..<options.connections {
            let loop = group.next()
            sockets.append((try await options.open(on: loop), loop))
        }
        let options = options
        measurement.begin()
        try await withThrowingTaskGroup { tasks in
            for (socket, loop) in sockets {
                tasks.addTask(executorPreference: loop) {
                    try await socket.send("go")
                    var received = 0
                    while received < options.count, let batch = try await socket.nextMessages() {
                        for message in batch { try Payloads.check(message.payload, size: options.size) }
                        received += batch.count
                    }
                    guard received == options.count else { throw WrongResult("messages are missing") }
                }
            }
            try await tasks.waitForAll()
        }
        measurement.end()
        measurement.report(messages: options.count * options.connections)
    }
}

extension WorkloadOptions {
    /// A connection that has carried a message, as one in use has.
    fileprivate func openUsed() async throws -> WebSocket {
        let socket = try await open()
        try await socket.send(.binary(Payloads.binary(size: 64)))
        guard try await socket.receive()?.payload.count == 64 else { throw WrongResult("no echo") }
        return socket
    }
}
