import Testing

@testable import LibWebSockets

@Suite struct AddressRaceTests {
    private static let v4 = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map { SocketAddress(host: $0, port: 443) }
    private static let v6 = ["2001:db8::1", "2001:db8::2", "2001:db8::3"].map { SocketAddress(host: $0, port: 443) }

    /// The order in which addresses are tried when each of them fails at once.
    private func order(of addresses: [SocketAddress]) -> [SocketAddress] {
        var race = AddressRace(addresses)
        var tried: [SocketAddress] = []
        var action = race.start()
        while case .connect(let address) = action {
            tried.append(address)
            action = race.failed(address)
        }
        #expect(action == .giveUp)
        return tried
    }

    @Test("Without an address it gives up at once")
    func noAddress() {
        var race = AddressRace([])
        #expect(race.start() == .giveUp)
    }

    @Test("Both families take turns, beginning with the one the resolver put first")
    func interleaving() {
        let (v4, v6) = (Self.v4, Self.v6)
        #expect(order(of: v6 + v4) == [v6[0], v4[0], v6[1], v4[1], v6[2], v4[2]])
        #expect(order(of: v4 + v6) == [v4[0], v6[0], v4[1], v6[1], v4[2], v6[2]])
        #expect(order(of: [v6[0]] + v4) == [v6[0], v4[0], v4[1], v4[2]])
        #expect(order(of: v4) == v4)
    }

    @Test("An address that does not answer gets company, until there are no more")
    func stagger() {
        let (v4, v6) = (Self.v4, Self.v6)
        var race = AddressRace([v6[0], v4[0]])
        #expect(race.start() == .connect(v6[0]))
        #expect(race.staggerDelayPassed(after: v6[0]) == .connect(v4[0]))
        #expect(race.staggerDelayPassed(after: v4[0]) == .wait)
        #expect(race.connected(v4[0]) == true)
    }

    @Test("The delay counts from the last attempt: that of an address which was followed already starts no other one")
    func staggerOfAnEarlierAttempt() {
        let v4 = Self.v4
        var race = AddressRace(v4)
        #expect(race.start() == .connect(v4[0]))
        #expect(race.failed(v4[0]) == .connect(v4[1]))
        // RFC 8305 section 5: at least the delay between two attempts, and this one has just begun.
        #expect(race.staggerDelayPassed(after: v4[0]) == .wait)
        #expect(race.staggerDelayPassed(after: v4[1]) == .connect(v4[2]))
    }

    @Test("While another address may still answer, a failure does not end the race")
    func failureWhileAnotherIsPending() {
        let (v4, v6) = (Self.v4, Self.v6)
        var race = AddressRace([v6[0], v4[0]])
        #expect(race.start() == .connect(v6[0]))
        #expect(race.staggerDelayPassed(after: v6[0]) == .connect(v4[0]))
        #expect(race.failed(v4[0]) == .wait)
        #expect(race.failed(v6[0]) == .giveUp)
    }

    @Test("The first to connect wins, and nothing is tried afterwards")
    func winner() {
        let v4 = Self.v4
        var race = AddressRace(v4)
        #expect(race.start() == .connect(v4[0]))
        #expect(race.staggerDelayPassed(after: v4[0]) == .connect(v4[1]))
        #expect(race.connected(v4[1]) == true)
        #expect(race.connected(v4[0]) == false, "two addresses have won")
        #expect(race.connected(v4[1]) == false, "one address has won twice")
        #expect(race.staggerDelayPassed(after: v4[1]) == .wait)
        #expect(race.failed(v4[0]) == .wait)
        #expect(race.failed(v4[1]) == .wait)
    }

    @Test("An address that has failed, or was never tried, cannot win")
    func strangers() {
        let v4 = Self.v4
        var race = AddressRace([v4[0], v4[1]])
        #expect(race.start() == .connect(v4[0]))
        #expect(race.connected(v4[1]) == false)
        #expect(race.failed(v4[0]) == .connect(v4[1]))
        #expect(race.connected(v4[0]) == false)
        #expect(race.connected(v4[1]) == true)
    }
}
