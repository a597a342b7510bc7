/// Tries the addresses of a host so that a dead one costs little time (RFC 8305, "Happy Eyeballs").
///
/// A value: events in, actions out. The next address is tried when the last one failed or has not answered within the
/// stagger delay; the first to connect wins, and the others are given up.
struct AddressRace {
    /// RFC 8305 section 5 recommends 250 ms between two attempts.
    static let staggerDelay = Duration.milliseconds(250)

    enum Action: Equatable {
        /// Start to connect to this address, and report in ``AddressRace/staggerDelay`` when it has not answered.
        case connect(SocketAddress)
        /// Wait for what is under way.
        case wait
        /// Every address has failed.
        case giveUp
    }

    private var untried: ArraySlice<SocketAddress>
    private var pending: Set<SocketAddress> = []
    private var lastTried: SocketAddress?
    private var hasWinner = false

    /// - Parameter addresses: In the resolver's order; both families take turns, beginning with the first one's.
    init(_ addresses: [SocketAddress]) {
        untried = Self.interleaved(addresses)[...]
    }

    mutating func start() -> Action {
        next()
    }

    /// `address` has not answered in time. Changes nothing when another one was tried since, because this one failed: the
    /// delay of that one counts.
    mutating func staggerDelayPassed(after address: SocketAddress) -> Action {
        hasWinner || untried.isEmpty || address != lastTried ? .wait : next()
    }

    mutating func failed(_ address: SocketAddress) -> Action {
        pending.remove(address)
        return hasWinner ? .wait : next()
    }

    /// Returns whether `address` has won; it is too late otherwise.
    mutating func connected(_ address: SocketAddress) -> Bool {
        guard !hasWinner, pending.contains(address) else { return false }
        hasWinner = true
        return true
    }

    private mutating func next() -> Action {
        if let address = untried.popFirst() {
            pending.insert(address)
            lastTried = address
            return .connect(address)
        }
        return pending.isEmpty ? .giveUp : .wait
    }

    /// RFC 8305 section 4: so that one family without a route delays the other by one attempt only.
    private static func interleaved(_ addresses: [SocketAddress]) -> [SocketAddress] {
        guard let first = addresses.first else { return [] }
        var preferred = addresses.filter { $0.isIPv6 == first.isIPv6 }[...]
        var other = addresses.filter { $0.isIPv6 != first.isIPv6 }[...]
        var result: [SocketAddress] = []
        while !preferred.isEmpty || !other.isEmpty {
            if let address = preferred.popFirst() { result.append(address) }
            if let address = other.popFirst() { result.append(address) }
        }
        return result
    }
}
