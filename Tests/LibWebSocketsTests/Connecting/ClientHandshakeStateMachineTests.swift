import Testing

@testable import LibWebSockets

/// Every event in every state: what it asks for, and where it leads.
@Suite struct ClientHandshakeStateMachineTests {
    typealias Machine = ClientHandshake.StateMachine
    typealias State = Machine.State

    /// The things between the client and the server.
    enum Way: CaseIterable, Sendable {
        case plain, tls, proxy, proxyAndTLS

        var usesProxy: Bool { self == .proxy || self == .proxyAndTLS }
        var usesTLS: Bool { self == .tls || self == .proxyAndTLS }

        /// A machine that has come as far as `state`; `nil` where this way does not lead there.
        func machine(in state: State) -> Machine? {
            var machine = Machine(usesProxy: usesProxy, usesTLS: usesTLS)
            if state == .ended {
                machine.ended()
                return machine
            }
            for step in 0..<3 where machine.state != state {
                switch step {
                case 0: _ = machine.connected()
                case 1: _ = machine.tunnelled()
                default: _ = machine.secured()
                }
            }
            return machine.state == state ? machine : nil
        }
    }

    enum Event: CaseIterable, Sendable {
        case connected, tunnelled, secured
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let way: Way
        let state: State
        let event: Event
        let action: Machine.Action
        let next: State
        let stage: WebSocketError.Stage

        init(
            _ way: Way, _ state: State, _ event: Event, _ action: Machine.Action, _ next: State,
            _ stage: WebSocketError.Stage
        ) {
            (self.way, self.state, self.event) = (way, state, event)
            (self.action, self.next, self.stage) = (action, next, stage)
        }

        var testDescription: String { "\(event) while \(state), \(way)" }
    }

    /// All that lead on; everything else changes nothing.
    static let table: [Row] = [
        Row(.plain, .connecting, .connected, .request, .awaitingResponse, .upgrade),
        Row(.tls, .connecting, .connected, .secure, .securing, .tls),
        Row(.tls, .securing, .secured, .request, .awaitingResponse, .upgrade),
        Row(.proxy, .connecting, .connected, .tunnel, .tunnelling, .proxy),
        Row(.proxy, .tunnelling, .tunnelled, .request, .awaitingResponse, .upgrade),
        Row(.proxyAndTLS, .connecting, .connected, .tunnel, .tunnelling, .proxy),
        Row(.proxyAndTLS, .tunnelling, .tunnelled, .secure, .securing, .tls),
        Row(.proxyAndTLS, .securing, .secured, .request, .awaitingResponse, .upgrade),
    ]

    private static func apply(_ event: Event, to machine: inout Machine) -> Machine.Action {
        switch event {
        case .connected: machine.connected()
        case .tunnelled: machine.tunnelled()
        case .secured: machine.secured()
        }
    }

    @Test("Each event that fits does what the table says", arguments: table)
    func row(_ row: Row) throws {
        var machine = try #require(row.way.machine(in: row.state))
        #expect(Self.apply(row.event, to: &machine) == row.action)
        #expect(machine.state == row.next)
        #expect(machine.stage == row.stage)
    }

    @Test(
        "Whatever else happens, in whatever state, changes nothing: nothing is sent before the way to the server stands",
        arguments: Way.allCases)
    func otherwise(way: Way) {
        for state in State.allCases {
            guard let before = way.machine(in: state) else { continue }
            for event in Event.allCases
            where !Self.table.contains(where: { ($0.way, $0.state, $0.event) == (way, state, event) }) {
                var machine = before
                #expect(Self.apply(event, to: &machine) == .ignore, "\(event) while \(state)")
                #expect(machine.state == state, "\(event) while \(state)")
                #expect(machine.stage == before.stage, "\(event) while \(state)")
            }
        }
    }

    @Test("Only the first end counts, and the stage at which it came stays", arguments: Way.allCases)
    func end(way: Way) {
        for state in State.allCases where state != .ended {
            guard var machine = way.machine(in: state) else { continue }
            let stage = machine.stage
            let (first, second) = (machine.ended(), machine.ended())
            #expect(first)
            #expect(!second)
            #expect(machine.hasEnded)
            #expect(machine.stage == stage)
        }
    }
}
