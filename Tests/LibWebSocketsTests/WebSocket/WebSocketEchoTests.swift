import Testing

@testable import LibWebSockets

@Suite(.hangs) struct WebSocketEchoTests {
    @Test("Text and binary messages come back as they were, the empty ones included", arguments: Security.allCases)
    func kinds(security: Security) async throws {
        let messages: [WebSocketMessage] = [
            .text("hello"), .text(""), .binary([]), .binary([0, 1, 2, 255]), .text("grüß 🙂 \u{0} \u{10FFFF}"),
            .binary([UInt8](repeating: 0xFF, count: 126)),
        ]
        try await withServer(security, handler: ServerPair.echo) { pair in
            let socket = try await pair.connect()
            for message in messages { try await socket.send(message) }
            #expect(try await socket.receive(messages.count) == messages)
        }
    }

    @Test(
        "A message of any length form comes back whole, at each buffer boundary and up to several MiB",
        arguments: Security.allCases,
        [
            1, 125, 126, 127, 65_535, 65_536, 65_537, LoopCore.readSize - 14, LoopCore.readSize,
            LoopCore.readSize + 1, 1 << 20, 4_000_001,
        ])
    func sizes(security: Security, size: Int) async throws {
        var payload = [UInt8](repeating: 0x5A, count: size)
        // Marks that show a piece in the wrong place: no boundary in here is a multiple of their distance.
        for (mark, index) in stride(from: 0, to: size, by: 1_021).enumerated() {
            payload[index] = UInt8(truncatingIfNeeded: mark)
        }
        // Without optimization, checking megabytes of UTF-8 takes seconds.
        let text = String(repeating: "é", count: min(size / 2, 100_000)) + String(repeating: "x", count: size % 2)
        try await withServer(security, handler: ServerPair.echo) { pair in
            let socket = try await pair.connect()
            try await socket.send(payload)
            try await socket.send(text)
            let received = try await socket.receive(2)
            #expect(received.map(\.kind) == [.binary, .text])
            // Not `#expect(received == …)`, which would print megabytes.
            let isSamePayload = received[0].payload == payload[...]
            #expect(isSamePayload)
            let isSameText = received[1].text == text
            #expect(isSameText)
        }
    }

    @Test("10,000 small messages come back in order", arguments: Security.allCases)
    func manySmall(security: Security) async throws {
        try await withServer(security, handler: ServerPair.echo) { pair in
            let socket = try await pair.connect()
            async let sending: Void = {
                for number in 0..<10_000 { try await socket.send("message \(number)") }
            }()
            let received = try await socket.receive(10_000)
            try await sending
            let isInOrder = received.enumerated().allSatisfy { $1.text == "message \($0)" }
            #expect(isInOrder)
        }
    }

    @Test("Messages of all sizes, mixed, come back whole and in order", arguments: Security.allCases)
    func mixedSizes(security: Security) async throws {
        var generator = SystemRandomNumberGenerator()
        let sizes = (0..<300).map { _ in Int.random(in: 0...(1 << Int.random(in: 0...18)), using: &generator) }
        try await withServer(security, handler: ServerPair.echo) { pair in
            let socket = try await pair.connect()
            async let sending: Void = {
                for (index, size) in sizes.enumerated() {
                    try await socket.send([UInt8](repeating: UInt8(truncatingIfNeeded: index), count: size))
                }
            }()
            let received = try await socket.receive(sizes.count)
            try await sending
            #expect(received.map(\.payload.count) == sizes)
            let isIntact = received.enumerated().allSatisfy { index, message in
                message.payload == [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: sizes[index])[...]
            }
            #expect(isIntact)
        }
    }

    @Test("Several tasks may send at once: nothing is lost, and each task's messages keep their order")
    func concurrentSenders() async throws {
        try await withServer(handler: ServerPair.echo) { pair in
            let socket = try await pair.connect()
            async let received = socket.receive(8 * 500)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for sender in 0..<8 {
                    group.addTask {
                        for number in 0..<500 { try await socket.send("\(sender) \(number)") }
                    }
                }
                try await group.waitForAll()
            }
            var next = [Int](repeating: 0, count: 8)
            for message in try await received {
                let parts = (message.text ?? "").split(separator: " ").compactMap { Int($0) }
                try #require(parts.count == 2)
                #expect(parts[1] == next[parts[0]])
                next[parts[0]] += 1
            }
            #expect(next == [Int](repeating: 500, count: 8))
        }
    }

    @Test("Any collection of bytes can be sent, whatever its indices and storage")
    func collections() async throws {
        try await withServer(handler: ServerPair.echo) { pair in
            let socket = try await pair.connect()
            let bytes: [UInt8] = Array(0...200)
            try await socket.send(bytes[100...110])
            try await socket.send(bytes.reversed())
            try await socket.send("text".utf8)
            try await socket.send(bytes.lazy.filter { $0 % 50 == 0 })
            try await socket.send(CollectionOfOne(UInt8(7)))
            let received = try await socket.receive(5)
            #expect(received.allSatisfy { $0.kind == .binary })
            #expect(
                received.map { Array($0.payload) } == [
                    Array(100...110), bytes.reversed(), Array("text".utf8), [0, 50, 100, 150, 200], [7],
                ])
        }
    }

    @Test("A received message can be sent on as it is, and kept after its neighbours are gone")
    func forwarding() async throws {
        try await withServer(handler: ServerPair.echo) { pair in
            let socket = try await pair.connect()
            for text in ["a", "bb", "ccc"] { try await socket.send(text) }
            let kept = try await socket.receive(3)[1]
            try await socket.send(kept)
            let returned = try await socket.receive(1)
            #expect(returned == [kept])
            #expect(returned.first?.text == "bb")
        }
    }

    @Test("A message of the largest size is accepted, one more byte closes with 1009", arguments: Security.allCases)
    func maximumMessageSize(security: Security) async throws {
        let limited = WebSocketConfiguration(maximumMessageSize: 1_000)
        try await withServer(security, client: limited) { pair in
            let (client, server) = try await pair.connectPair()
            try await server.send([UInt8](repeating: 1, count: 1_000))
            try await server.send([UInt8](repeating: 2, count: 1_001))
            var sizes: [Int] = []
            let error = try await #require(throws: WebSocketError.self) {
                for try await message in client.messages { sizes.append(message.payload.count) }
            }
            #expect(sizes == [1_000])
            #expect(error.code == .messageTooBig)
            #expect(error.stage == .open)
            #expect(error.message.contains("message of at least 1001 bytes exceeds the limit of 1000"))
            #expect(error.message.contains("closed with 1009 message too big"))
            #expect(error.closure?.sent?.code == .messageTooBig)
            let serversError = try await #require(throws: WebSocketError.self) { try await server.receiveAll() }
            #expect(serversError.code == .closedWithError)
            #expect(serversError.closure?.received?.code == .messageTooBig)
        }
    }
}
