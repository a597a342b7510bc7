/// A record of what the demo's client has seen, and a way to wait for more of it.
actor Log {
    private(set) var confirmed: Set<Int> = []
    private(set) var prices = 0
    private(set) var roundTrips: [Duration] = []
    private(set) var failedAttempts = 0
    /// The number of connections that have ended.
    private(set) var ends = 0
    private var waiters: [(condition: (Log) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []

    func confirm(_ id: Int) {
        confirmed.insert(id)
        wakeWaiters()
    }

    func notePrice() {
        prices += 1
        wakeWaiters()
    }

    func noteFailedAttempt() {
        failedAttempts += 1
        wakeWaiters()
    }

    func noteEnd() {
        ends += 1
        wakeWaiters()
    }

    func note(roundTrip: Duration) {
        roundTrips.append(roundTrip)
        wakeWaiters()
    }

    func wait(until condition: @escaping @Sendable (isolated Log) -> Bool) async {
        guard !condition(self) else { return }
        await withCheckedContinuation { continuation in
            waiters.append(({ log in log.assumeIsolated { condition($0) } }, continuation))
        }
    }

    private func wakeWaiters() {
        let ready = waiters.filter { $0.condition(self) }
        waiters.removeAll { $0.condition(self) }
        for waiter in ready { waiter.continuation.resume() }
    }
}
