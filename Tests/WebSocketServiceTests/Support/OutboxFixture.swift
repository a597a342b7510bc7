import HTTPTypes

@testable import WebSocketService
@testable import WebSocketTesting

/// A machine, driven by one line per event.
struct OutboxFixture {
    var machine: Outbox.StateMachine
    var now = Duration.zero
    /// The outcomes of those that waited, and of what was queued, in the order in which that was decided.
    var told: [String] = []
    /// The connections that were asked to be drained.
    var drains: [UInt64] = []

    init(_ policy: QueuePolicy = QueuePolicy(limit: 2)) {
        machine = Outbox.StateMachine(policy: policy)
    }

    mutating func change<Result>(_ body: (inout Outbox.StateMachine, inout Outbox.Effects) -> Result) -> Result {
        var effects = Outbox.Effects()
        let result = body(&machine, &effects)
        told += effects.verdicts.map { "\($0.number) \(name($0.verdict))" }
        told += effects.drops.map { "\($0.entry.number) dropped \($0.reason.rawValue)" }
        if let drain = effects.drain { drains.append(drain.generation) }
        return result
    }

    private func name(_ verdict: Outbox.Verdict) -> String {
        switch verdict {
        case .outcome(.sent): "sent"
        case .outcome(.queued): "queued"
        case .outcome(.dropped(let reason)): reason.rawValue
        case .full: "full"
        case .fullForHandler: "fullForHandler"
        case .needsReturn: "inboxFull"
        case .cancelled: "cancelled"
        }
    }

    mutating func send(
        _ number: UInt64, size: Int = 1, volatile: Bool = false, expiry: Duration? = nil,
        from caller: Caller = .outside
    ) -> String {
        let message = WebSocketMessage.binary(Array(repeating: 0, count: size))
        let entry = SendQueue.Entry(number: number, message: message, expiry: expiry, byteCount: size)
        let now = now
        let admission = change { machine, effects in
            machine.admit(entry, mayBeQueued: !volatile, caller, now: now, &effects)
        }
        return switch admission {
        case .direct(let destination): "direct \(destination.generation)"
        case .decided(let verdict): name(verdict)
        case .waits: "waits"
        }
    }

    mutating func connect(_ generation: UInt64, greeting: Bool = false) {
        let client = ScriptedClient(handshake: HandshakeResponse(headers: [:], subprotocol: nil))
        change {
            $0.connect(Outbox.Destination(connection: client, generation: generation, isGreeting: greeting), &$1)
        }
    }

    mutating func disconnect(_ generation: UInt64) {
        change { $0.disconnect(generation, &$1) }
    }

    mutating func drain(_ generation: UInt64, after last: Outbox.StateMachine.Drained? = nil) -> UInt64? {
        let now = now
        return change { $0.nextToDrain(generation, after: last, now: now, &$1)?.number }
    }
}
