import LibWebSockets
import Synchronization
import Workload

extension Run {
    func send() async throws {
        if style == .callback { try options.unsupported() }
        var measurement = Measurement()
        let message = try options.outgoing()[0]
        let socket = try await options.open()
        measurement.begin()
        if batches {
            for _ in 0..<options.count where try !socket.trySend(message) { try await socket.send(message) }
        } else {
            for _ in 0..<options.count { try await socket.send(message) }
        }
        let answer = try await socket.receive()
        measurement.end()
        try Payloads.check(done: answer?.text, count: options.count, size: options.size)
        measurement.report(messages: options.count)
        await socket.close()
    }

    func receive() async throws {
        var measurement = Measurement()
        let socket = try await options.open()
        let (count, size, isJSON) = (options.count, options.size, options.messages != nil)
        let check: @Sendable (WebSocketMessage) throws -> Void = { message in
            if isJSON {
                try checkJSON(message.payload, size: size)
            } else {
                try Payloads.check(message.payload, size: size)
            }
        }
        var received = 0
        measurement.begin()
        try await socket.send("go")
        if style == .callback {
            let counter = Counter()
            let (stream, finished) = AsyncThrowingStream.makeStream(of: Void.self)
            socket.receive { message in
                do {
                    try check(message)
                    if counter.add(1) == count { finished.finish() }
                } catch {
                    finished.finish(throwing: error)
                }
            }
            for try await _ in stream {}
            received = count
        } else if batches {
            while received < count, let batch = try await socket.nextMessages() {
                for message in batch { try check(message) }
                received += batch.count
            }
        } else {
            for try await message in socket.messages {
                try check(message)
                received += 1
                if received == count { break }
            }
        }
        measurement.end()
        guard received == count else { throw WrongResult("\(received) messages instead of \(count)") }
        measurement.report(messages: count)
        await socket.close()
    }

    /// Sends as many messages as have come back.
    func echo() async throws {
        let echo: Echo
        if style == .callback {
            echo = try await echoByCallback()
        } else {
            var run = try Echo(socket: await options.open(), options: options)
            try await batches ? run.runByBatch() : run.runOneByOne()
            echo = run
        }
        echo.measurement.report(messages: options.count)
        await echo.socket.close()
    }

    private func echoByCallback() async throws -> Echo {
        if options.window == 1 { try options.unsupported() }
        let socket = try await options.open()
        let echo = Mutex(try Echo(socket: socket, options: options))
        let (stream, finished) = AsyncThrowingStream.makeStream(of: Void.self)
        echo.withLock { $0.measurement.begin() }
        while let message = echo.withLock({ $0.next() }) { try await socket.send(message) }
        socket.receive { message in
            do {
                let (next, isComplete) = try echo.withLock {
                    try $0.take(message)
                    return ($0.next(), $0.isComplete)
                }
                if let next { try await socket.send(next) }
                if isComplete { finished.finish() }
            } catch {
                finished.finish(throwing: error)
            }
        }
        for try await _ in stream {}
        return echo.withLock {
            $0.measurement.end()
            return $0
        }
    }
}

/// Checks a message of a file that is not sent by this side.
private func checkJSON(_ bytes: ArraySlice<UInt8>, size: Int) throws {
    guard bytes.count == size, bytes.first == UInt8(ascii: "{"), bytes.last == UInt8(ascii: "}") else {
        throw WrongResult("a message with a wrong payload")
    }
}

/// The messages of an echo: what is sent next, and what must come back next.
struct Echo {
    let socket: WebSocket
    private let messages: [WebSocketMessage]
    private let options: WorkloadOptions
    private var sent = 0
    private var received = 0
    var measurement = Measurement()

    init(socket: WebSocket, options: WorkloadOptions) throws {
        self.socket = socket
        self.options = options
        messages = try options.outgoing()
    }

    var isComplete: Bool { received == options.count }

    mutating func next() -> WebSocketMessage? {
        guard sent < options.count, sent - received < options.window else { return nil }
        defer { sent += 1 }
        return messages[sent % messages.count]
    }

    mutating func take(_ message: WebSocketMessage) throws {
        if messages.count == 1 {
            try Payloads.check(message.payload, size: options.size)
        } else if message.payload != messages[received % messages.count].payload {
            throw WrongResult("a message came back changed")
        }
        received += 1
    }

    mutating func runOneByOne() async throws {
        measurement.begin()
        if options.window == 1 { return try await runRoundTrips() }
        while let message = next() { try await socket.send(message) }
        for try await message in socket.messages {
            try take(message)
            if let message = next() { try await socket.send(message) }
            if isComplete { break }
        }
        measurement.end()
    }

    mutating func runByBatch() async throws {
        measurement.begin()
        if options.window == 1 { return try await runRoundTrips() }
        while !isComplete {
            while let message = next() {
                if try !socket.trySend(message) { try await socket.send(message) }
            }
            guard let batch = try await socket.nextMessages() else { break }
            for message in batch { try take(message) }
        }
        measurement.end()
        guard isComplete else { throw WrongResult("\(received) messages instead of \(options.count)") }
    }

    /// Each message when the one before has come back.
    private mutating func runRoundTrips() async throws {
        while let message = next() {
            let begin = Measurement.now()
            if try !socket.trySend(message) { try await socket.send(message) }
            guard let batch = try await socket.nextMessages() else { throw WrongResult("the connection ended") }
            measurement.add(latency: Measurement.now() - begin)
            for message in batch { try take(message) }
        }
        measurement.end()
    }
}
