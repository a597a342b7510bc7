import Testing

@testable import LibWebSockets

@Suite(.hangs) struct PendingPingsTests {
    /// Registers `count` pings, runs `body`, and returns how each of their waiters ended.
    private func outcomes(
        of count: Int, firstNumber: UInt64 = 41, _ body: (inout PendingPings, [UInt64]) -> Void
    ) async -> [String] {
        let (stream, registrations) = AsyncStream.makeStream(of: (Int, Waiter<Duration>).self)
        return await withTaskGroup(of: (Int, String).self) { group in
            for index in 0..<count {
                group.addTask {
                    do {
                        let time = try await Waiter<Duration>.wait { registrations.yield((index, $0)) }
                        return (index, "\(time)")
                    } catch {
                        return (index, "\(type(of: error))")
                    }
                }
            }
            var waiters: [Int: Waiter<Duration>] = [:]
            for await (index, waiter) in stream {
                waiters[index] = waiter
                if waiters.count == count { break }
            }
            var pings = PendingPings(firstNumber: firstNumber)
            let numbers = (0..<count).map { _ in pings.makeNumber() }
            for (index, number) in numbers.enumerated() { pings.add(number, at: .now, waiters[index]!) }
            body(&pings, numbers)
            for waiter in pings.removeAll() { waiter.resume(throwing: StillWaiting()) }
            return await group.reduce(into: Array(repeating: "", count: count)) { $0[$1.0] = $1.1 }
        }
    }

    private struct StillWaiting: Error {}

    @Test("A pong answers its ping")
    func answer() async {
        let outcomes = await outcomes(of: 1) { pings, numbers in
            for ping in pings.answered(by: PendingPings.payload(numbers[0])) {
                ping.waiter.resume(returning: .seconds(1))
            }
        }
        #expect(outcomes == ["1.0 seconds"])
    }

    @Test("A pong answers the pings before it too (RFC 6455 section 5.5.3), in order, and none after it")
    func skippedPongs() async {
        let outcomes = await outcomes(of: 4) { pings, numbers in
            let answered = pings.answered(by: PendingPings.payload(numbers[2]))
            for (index, ping) in answered.enumerated() { ping.waiter.resume(returning: .seconds(index)) }
        }
        #expect(outcomes == ["0.0 seconds", "1.0 seconds", "2.0 seconds", "StillWaiting"])
    }

    @Test(
        "A pong that nobody asked for answers nothing",
        arguments: [[], [1], [0, 0, 0, 0, 0, 0, 0, 99], Array("12345678".utf8), Array(repeating: 0xFF, count: 125)])
    func unsolicited(payload: [UInt8]) async {
        let outcomes = await outcomes(of: 2) { pings, _ in
            let answered = pings.answered(by: payload)
            #expect(answered.isEmpty)
            for ping in answered { ping.waiter.resume(returning: .zero) }
        }
        #expect(outcomes == ["StillWaiting", "StillWaiting"])
    }

    @Test("A pong of another length answers nothing, though its number is that of a ping", arguments: [7, 9])
    func otherLength(count: Int) async {
        let outcomes = await outcomes(of: 1, firstNumber: 0) { pings, _ in
            let answered = pings.answered(by: Array(repeating: 0, count: count - 1) + [1])
            #expect(answered.isEmpty)
            for ping in answered { ping.waiter.resume(returning: .zero) }
        }
        #expect(outcomes == ["StillWaiting"])
    }

    @Test("The same pong answers once")
    func repeatedPong() async {
        let outcomes = await outcomes(of: 2) { pings, numbers in
            for _ in 0..<3 {
                for ping in pings.answered(by: PendingPings.payload(numbers[0])) {
                    ping.waiter.resume(returning: .zero)
                }
            }
        }
        #expect(outcomes == ["0.0 seconds", "StillWaiting"])
    }

    @Test("A cancelled ping is nobody's any more; the others go on")
    func cancel() async {
        let outcomes = await outcomes(of: 3) { pings, numbers in
            pings.cancel(numbers[1])?.resume(throwing: CancellationError())
            #expect(pings.cancel(numbers[1]) == nil)
            for number in numbers[1...] {
                for ping in pings.answered(by: PendingPings.payload(number)) { ping.waiter.resume(returning: .zero) }
            }
        }
        #expect(outcomes == ["0.0 seconds", "CancellationError", "0.0 seconds"])
    }

    @Test(
        "A pong of a later ping for which nobody waits answers those before it", arguments: [41, .max - 1] as [UInt64])
    func laterPingOfNobody(firstNumber: UInt64) async {
        let outcomes = await outcomes(of: 2, firstNumber: firstNumber) { pings, numbers in
            let later = pings.makeNumber()
            for number in [later &+ 1, numbers[0] &- 1] {
                #expect(pings.answered(by: PendingPings.payload(number)).isEmpty)
            }
            for ping in pings.answered(by: PendingPings.payload(later)) { ping.waiter.resume(returning: .zero) }
        }
        #expect(outcomes == ["0.0 seconds", "0.0 seconds"])
    }

    @Test("Numbers count on across the largest one, and the payload is the number in network order")
    func numbers() {
        var pings = PendingPings(firstNumber: .max - 1)
        #expect([pings.makeNumber(), pings.makeNumber(), pings.makeNumber()] == [.max, 0, 1])
        #expect(PendingPings.payload(0x0102_0304_0506_0708) == [1, 2, 3, 4, 5, 6, 7, 8])
        #expect(PendingPings.payload(.max) == Array(repeating: 0xFF, count: 8))
    }
}
