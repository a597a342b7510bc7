/// The order in which several servers are tried, and whether all of them have failed finally: a value.
struct EndpointRotation: Hashable, Sendable {
    /// The number of servers, at least 1.
    let count: Int
    /// The place of the current one in their list, from 0.
    private(set) var position = 0
    /// The number of them that have failed finally, one after the other and each a different one.
    private var finalFailures = 0

    init(count: Int) {
        self.count = max(count, 1)
    }

    /// The current server failed.
    ///
    /// - Parameter wasStable: Its connection had been up for long: then it deserves another attempt before the next one of the
    ///   list, unless the failure is final.
    /// - Returns: The number of other servers that have not failed finally in this round.
    mutating func failed(isFinal: Bool, wasStable: Bool) -> Int {
        // A round is of servers that failed one after the other, not one today and another next week.
        if wasStable || !isFinal { finalFailures = 0 }
        // A policy of the app's may go on after the whole round has failed.
        if isFinal { finalFailures = min(finalFailures + 1, count) }
        if isFinal || !wasStable { position = (position + 1) % count }
        return isFinal ? count - finalFailures : count - 1
    }

    /// Forgets who has failed: the app asked for a new beginning.
    mutating func beginRound() {
        finalFailures = 0
    }
}
