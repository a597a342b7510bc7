import Testing

@testable import LibWebSockets

/// Every event in every state: what it returns, and where it leads.
@Suite struct ClientTransportStateMachineTests {
    typealias Machine = ClientTransport.StateMachine

    enum State: String, CaseIterable, Sendable {
        case connecting, securing, awaitingResponse, receivedHead, open, refused, ended

        /// The shortest way there.
        var machine: Machine {
            var machine = Machine()
            switch self {
            case .connecting: break
            case .securing: _ = machine.connected(usesProxy: false, usesTLS: true)
            case .awaitingResponse: _ = machine.connected(usesProxy: false, usesTLS: false)
            case .receivedHead:
                machine.requested()
                _ = machine.receivedHead()
            case .open:
                machine = State.receivedHead.machine
                machine.opened()
            case .refused:
                machine = State.receivedHead.machine
                machine.refused()
            case .ended: machine.ended()
            }
            return machine
        }
    }

    enum Event: CaseIterable, Sendable {
        case connectedPlain, connectedTLS, connectedToProxy, connectedToProxyTLS, requested, receivedHead, opened,
            refused, ended
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let state: State
        let event: Event
        /// What the event's method returns; `nil` for those that return nothing.
        let accepted: Bool?
        /// The state to which it leads.
        let next: State
        let stage: WebSocketError.Stage

        init(_ state: State, _ event: Event, _ accepted: Bool?, _ next: State, _ stage: WebSocketError.Stage) {
            self.state = state
            self.event = event
            self.accepted = accepted
            self.next = next
            self.stage = stage
        }

        var testDescription: String { "\(event) while \(state)" }
    }

    static let table: [Row] = [
        Row(.connecting, .connectedPlain, true, .awaitingResponse, .upgrade),
        Row(.connecting, .connectedTLS, true, .securing, .tls),
        Row(.connecting, .connectedToProxy, true, .awaitingResponse, .proxy),
        Row(.connecting, .connectedToProxyTLS, true, .securing, .proxy),
        Row(.connecting, .requested, nil, .awaitingResponse, .upgrade),
        Row(.connecting, .receivedHead, false, .connecting, .connect),
        Row(.connecting, .opened, nil, .connecting, .connect),
        Row(.connecting, .refused, nil, .connecting, .connect),
        Row(.connecting, .ended, true, .ended, .connect),

        Row(.securing, .connectedPlain, false, .securing, .tls),
        Row(.securing, .connectedTLS, false, .securing, .tls),
        Row(.securing, .connectedToProxy, false, .securing, .tls),
        Row(.securing, .connectedToProxyTLS, false, .securing, .tls),
        Row(.securing, .requested, nil, .awaitingResponse, .upgrade),
        Row(.securing, .receivedHead, false, .securing, .tls),
        Row(.securing, .opened, nil, .securing, .tls),
        Row(.securing, .refused, nil, .securing, .tls),
        Row(.securing, .ended, true, .ended, .tls),

        Row(.awaitingResponse, .connectedPlain, false, .awaitingResponse, .upgrade),
        Row(.awaitingResponse, .connectedTLS, false, .awaitingResponse, .upgrade),
        Row(.awaitingResponse, .connectedToProxy, false, .awaitingResponse, .upgrade),
        Row(.awaitingResponse, .connectedToProxyTLS, false, .awaitingResponse, .upgrade),
        Row(.awaitingResponse, .requested, nil, .awaitingResponse, .upgrade),
        Row(.awaitingResponse, .receivedHead, true, .receivedHead, .upgrade),
        Row(.awaitingResponse, .opened, nil, .awaitingResponse, .upgrade),
        Row(.awaitingResponse, .refused, nil, .awaitingResponse, .upgrade),
        Row(.awaitingResponse, .ended, true, .ended, .upgrade),

        Row(.receivedHead, .connectedPlain, false, .receivedHead, .upgrade),
        Row(.receivedHead, .connectedTLS, false, .receivedHead, .upgrade),
        Row(.receivedHead, .connectedToProxy, false, .receivedHead, .upgrade),
        Row(.receivedHead, .connectedToProxyTLS, false, .receivedHead, .upgrade),
        Row(.receivedHead, .requested, nil, .receivedHead, .upgrade),
        Row(.receivedHead, .receivedHead, false, .receivedHead, .upgrade),
        Row(.receivedHead, .opened, nil, .open, .open),
        Row(.receivedHead, .refused, nil, .refused, .upgrade),
        Row(.receivedHead, .ended, true, .ended, .upgrade),

        Row(.open, .connectedPlain, false, .open, .open),
        Row(.open, .connectedTLS, false, .open, .open),
        Row(.open, .connectedToProxy, false, .open, .open),
        Row(.open, .connectedToProxyTLS, false, .open, .open),
        Row(.open, .requested, nil, .open, .open),
        Row(.open, .receivedHead, false, .open, .open),
        Row(.open, .opened, nil, .open, .open),
        Row(.open, .refused, nil, .open, .open),
        Row(.open, .ended, true, .ended, .open),

        Row(.refused, .connectedPlain, false, .refused, .upgrade),
        Row(.refused, .connectedTLS, false, .refused, .upgrade),
        Row(.refused, .connectedToProxy, false, .refused, .upgrade),
        Row(.refused, .connectedToProxyTLS, false, .refused, .upgrade),
        Row(.refused, .requested, nil, .refused, .upgrade),
        Row(.refused, .receivedHead, false, .refused, .upgrade),
        Row(.refused, .opened, nil, .refused, .upgrade),
        Row(.refused, .refused, nil, .refused, .upgrade),
        Row(.refused, .ended, true, .ended, .upgrade),

        Row(.ended, .connectedPlain, false, .ended, .connect),
        Row(.ended, .connectedTLS, false, .ended, .connect),
        Row(.ended, .connectedToProxy, false, .ended, .connect),
        Row(.ended, .connectedToProxyTLS, false, .ended, .connect),
        Row(.ended, .requested, nil, .ended, .connect),
        Row(.ended, .receivedHead, false, .ended, .connect),
        Row(.ended, .opened, nil, .ended, .connect),
        Row(.ended, .refused, nil, .ended, .connect),
        Row(.ended, .ended, false, .ended, .connect),
    ]

    @Test("The table has every state with every event once")
    func completeness() {
        let pairs = Set(Self.table.map { "\($0.state) \($0.event)" })
        #expect(pairs.count == State.allCases.count * Event.allCases.count)
        #expect(Self.table.count == pairs.count)
    }

    @Test("Each event does in each state what the table says", arguments: table)
    func row(_ row: Row) {
        var machine = row.state.machine
        let accepted: Bool? =
            switch row.event {
            case .connectedPlain: machine.connected(usesProxy: false, usesTLS: false)
            case .connectedTLS: machine.connected(usesProxy: false, usesTLS: true)
            case .connectedToProxy: machine.connected(usesProxy: true, usesTLS: false)
            case .connectedToProxyTLS: machine.connected(usesProxy: true, usesTLS: true)
            case .requested:
                {
                    machine.requested()
                    return nil
                }()
            case .receivedHead: machine.receivedHead()
            case .opened:
                {
                    machine.opened()
                    return nil
                }()
            case .refused:
                {
                    machine.refused()
                    return nil
                }()
            case .ended: machine.ended()
            }
        #expect(accepted == row.accepted)
        #expect(machine.isOpen == (row.next == .open))
        #expect(machine.isRefused == (row.next == .refused))
        #expect(machine.hasEnded == (row.next == .ended))
        #expect(Self.name(of: machine) == row.next.rawValue)
        #expect(machine.stage == row.stage)
    }

    /// The state's name, which is private: its flags do not tell the early states apart.
    private static func name(of machine: Machine) -> String? {
        Mirror(reflecting: machine).descendant("state").map { "\($0)" }
    }
}
