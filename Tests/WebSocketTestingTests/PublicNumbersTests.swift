import Testing
import WebSocketService
import WebSocketTesting

/// Every number and duration of the public API, at its extremes: clamped or refused as documented, and never a trap.
@Suite("Public numbers at their extremes", .timeLimit(.minutes(10))) struct PublicNumbersTests {
    static let durations: [Duration] = [
        .seconds(Int64.max) * 18, .seconds(Int64.max) * -18, .seconds(Int64.max), .seconds(Int64.min), .seconds(1),
        .zero, .nanoseconds(-1),
    ]
    static let integers: [Int] = [.min, -1, 0, 1, .max]

    @Test("A manual clock counts up to the end of time", arguments: durations)
    func manualClock(duration: Duration) async throws {
        let end = Duration.seconds(Int64.max / 4)
        let clock = ManualClock()
        let instant = ManualClock.Instant(sinceStart: duration)
        #expect(instant.sinceStart == min(max(duration, .zero - end), end))
        for other in Self.durations {
            _ = instant.duration(to: ManualClock.Instant(sinceStart: other))
            #expect(instant.advanced(by: other).sinceStart <= end)
        }
        let sleeper = Task { try await clock.sleep(until: instant) }
        if instant > clock.now { try await clock.waitForSleeper(until: instant) }
        for other in Self.durations {
            clock.advance(by: other)
            clock.advance(to: ManualClock.Instant(sinceStart: other))
        }
        #expect(clock.now.sinceStart == end)
        if instant.sinceStart == end { sleeper.cancel() }
        _ = await sleeper.result
        #expect(clock.sleeperCount == 0)
    }

    @Test("Who sleeps beyond the end of time sleeps until the task is cancelled, and does not spin")
    func endOfTime() async throws {
        let clock = ManualClock()
        clock.advance(by: .seconds(Int64.max))
        let sleeper = Task { try await clock.sleep(for: .seconds(1)) }
        try await clock.waitForSleepers()
        clock.advance(by: .zero)
        sleeper.cancel()
        await #expect(throws: CancellationError.self) { try await sleeper.value }
    }

    @Test("A script's steps take any number", arguments: integers)
    func steps(count: Int) async throws {
        let bounded = min(count, 3)
        let script: [FaultServer.Step] = [
            .upgrade(), .flood([0x81, 0], count: bounded), .writeSlowly([0x81, 0], chunk: count), .read(bounded),
            .readFrames(min(count, 0)), .pause(count == .max ? .zero : .seconds(count)),
            .respond(status: count, body: "x"),
        ]
        try await FaultServer.withServer(script, receiveBufferSize: count) { server in
            let client = try RawClient(server)
            _ = try client.upgrade(key: "dGhlIHNhbXBsZSBub25jZQ==")
            try client.write("abc")
            client.disconnect()
            _ = try await server.transcript()
        }
    }

    @Test("A pause of any length ends with the server", arguments: durations)
    func pauses(duration: Duration) async throws {
        let server = try FaultServer(scripts: [[.pause(duration), .stall]])
        let client = try RawClient(server)
        try await server.waitForConnection()
        server.stop()
        client.disconnect()
        _ = try await server.transcript()
    }

    @Test("A server without a script, or a connection without an index, is refused")
    func refusals() async throws {
        #expect(throws: FaultServerError.self) { try FaultServer(scripts: []) }
        try await FaultServer.withServer([]) { server in
            await #expect(throws: FaultServerError.self) { try await server.transcript(of: -1) }
            await #expect(throws: FaultServerError.self) { try await server.waitForConnection(.min) }
        }
    }

    @Test("A mask key of any length is written as it is", arguments: 0...6)
    func maskKeys(count: Int) {
        var frame = FaultServer.Frame(
            opcode: 0xFF, payload: [1, 2, 3, 4, 5], reservedBits: 0xFF, maskKey: [0, 0, 0, 0])
        frame.maskKey = (0..<count).map { UInt8($0) }
        #expect(frame.bytes.count == 2 + count + 5)
        frame.declaredLength = .max
        frame.lengthForm = .sixteenBits
        #expect(frame.bytes.count == 4 + count + 5)
    }

    @Test("Bytes of a scripted peer are counted, and never backwards")
    func scriptedBytes() async throws {
        let transport = ScriptedTransport([.refuse(.serviceUnavailable, retryAfter: .seconds(Int64.max) * 18), .open()])
        await #expect(throws: WebSocketError.self) {
            _ = try await transport.connect(to: ConnectRequest(url: "wss://a/"))
        }
        let client = try await transport.connect(to: ConnectRequest(url: "wss://a/"))
        let peer = try await transport.nextConnection()
        var last = client.bytesReceived
        for count in Self.integers + [.max, .max] {
            peer.deliverPartOfMessage(byteCount: count)
            #expect(client.bytesReceived >= last)
            last = client.bytesReceived
        }
        #expect(last == .max)
        peer.deliver("still counted")
        #expect(client.bytesReceived == .max)
        for duration in Self.durations {
            peer.answerPings(after: duration)
            #expect(try await client.ping() == duration)
        }
    }

    @Test("A certificate's validity is at most a century away", arguments: durations)
    func validity(duration: Duration) throws {
        let authority = try CertificateAuthority()
        let issued = try authority.issue(
            names: ["localhost"], validity: CertificateValidity(from: .zero - duration / 2, to: duration / 2))
        #expect(!issued.certificatePEM.isEmpty)
    }

    @Test("A key size that OpenSSL does not use is refused", arguments: [Int.min, -1, 0, 511, 16_385, .max])
    func keySizes(bits: Int) {
        #expect(throws: CertificateError.self) {
            try CertificateAuthority.selfSigned(names: ["localhost"], key: .rsa(bits: bits))
        }
    }

    @Test("A path length that is none is refused", arguments: integers)
    func pathLengths(length: Int) throws {
        let authority = try CertificateAuthority()
        if length < 0 {
            #expect(throws: CertificateError.self) { try authority.intermediate(pathLength: length) }
        } else {
            _ = try authority.intermediate(pathLength: length)
        }
    }
}
