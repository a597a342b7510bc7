/// Pings that were sent and wait for their pong.
struct PendingPings {
    private struct Ping {
        let number: UInt64
        let sentAt: ContinuousClock.Instant
        let waiter: Waiter<Duration>
    }

    /// In the order in which they were sent.
    private var pings: [Ping] = []
    private let firstNumber: UInt64
    private var lastNumber: UInt64

    /// - Parameter firstNumber: The first number, so that numbers of different connections differ.
    init(firstNumber: UInt64) {
        self.firstNumber = firstNumber
        lastNumber = firstNumber
    }

    mutating func makeNumber() -> UInt64 {
        lastNumber &+= 1
        return lastNumber
    }

    mutating func add(_ number: UInt64, at instant: ContinuousClock.Instant, _ waiter: Waiter<Duration>) {
        pings.append(Ping(number: number, sentAt: instant, waiter: waiter))
    }

    /// The payload of the ping with this number.
    static func payload(_ number: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) }
    }

    /// Takes the pings that a pong with this payload answers: the one it echoes and all before it, because a peer may
    /// answer only the latest of several (RFC 6455 section 5.5.3). The latest may be one for which nobody waits. Empty for a pong
    /// nobody asked for.
    mutating func answered(by payload: some Collection<UInt8>) -> [(
        waiter: Waiter<Duration>, sentAt: ContinuousClock.Instant
    )] {
        guard payload.count == 8 else { return [] }
        let number = payload.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        // Numbers wrap around: what counts is the distance from the first.
        let distance = number &- firstNumber
        guard distance > 0, distance <= lastNumber &- firstNumber else { return [] }
        let count = pings.prefix { $0.number &- firstNumber <= distance }.count
        defer { pings.removeFirst(count) }
        return pings[..<count].map { ($0.waiter, $0.sentAt) }
    }

    mutating func cancel(_ number: UInt64) -> Waiter<Duration>? {
        guard let index = pings.firstIndex(where: { $0.number == number }) else { return nil }
        return pings.remove(at: index).waiter
    }

    mutating func removeAll() -> [Waiter<Duration>] {
        defer { pings = [] }
        return pings.map(\.waiter)
    }
}
