internal import Synchronization
internal import WebSocketService

/// A record of what happened on a server's connections, with those who wait for it.
final class FaultServerLog: Sendable {
    private enum Event: Hashable, CustomStringConvertible {
        case accepted(Int)
        case ended(Int)

        var description: String {
            switch self {
            case .accepted(let index): "connection \(index) was accepted"
            case .ended(let index): "connection \(index) has ended, its script too"
            }
        }

        var impossibility: FaultServerError? {
            switch self {
            case .accepted(let index), .ended(let index):
                index < 0
                    ? FaultServerError(description: "FaultServer: no connection has the negative index \(index)") : nil
            }
        }
    }

    private struct State {
        var connectionCount = 0
        var transcripts: [Int: FaultServer.Transcript] = [:]
        var waiters: [(event: Event, happened: Completion<Void>)] = []
        var isClosed = false

        func hasHappened(_ event: Event) -> Bool {
            switch event {
            case .accepted(let index): index < connectionCount
            case .ended(let index): transcripts[index] != nil
            }
        }
    }

    private let state = Lock(State())

    var connectionCount: Int { state.withLock { $0.connectionCount } }

    /// The index of a connection that was just accepted.
    func addConnection() -> Int {
        let index = state.withLock { state in
            defer { state.connectionCount += 1 }
            return state.connectionCount
        }
        wakeWaiters(for: .accepted(index))
        return index
    }

    func record(_ transcript: FaultServer.Transcript, of index: Int) {
        state.withLock { $0.transcripts[index] = transcript }
        wakeWaiters(for: .ended(index))
    }

    func waitForConnection(_ index: Int, within limit: Duration?) async throws {
        try await wait(for: .accepted(index), within: limit)
    }

    func transcript(of index: Int, within limit: Duration?) async throws -> FaultServer.Transcript {
        try await wait(for: .ended(index), within: limit)
        return state.withLock { $0.transcripts[index]! }
    }

    /// No further events will come.
    func close() {
        state.change { state, afterwards in
            state.isClosed = true
            for waiter in state.waiters {
                waiter.happened.fail(Self.stopped(after: state.connectionCount), &afterwards)
            }
            state.waiters = []
        }
    }

    private func wait(for event: Event, within limit: Duration?) async throws {
        if let error = event.impossibility { throw error }
        let happened = Completion<Void>()
        state.change { state, afterwards in
            if state.hasHappened(event) {
                happened.succeed(&afterwards)
            } else if state.isClosed {
                happened.fail(Self.stopped(after: state.connectionCount), &afterwards)
            } else {
                state.waiters.append((event, happened))
            }
        }
        defer { state.withLock { $0.waiters.removeAll { $0.happened === happened } } }
        try await happened.value(within: limit) {
            let (accepted, ended) = self.state.withLock { ($0.connectionCount, $0.transcripts.count) }
            return "until \(event); \(accepted.counted("connection")) accepted so far, \(ended) of them ended"
        }
    }

    private func wakeWaiters(for event: Event) {
        state.change { state, afterwards in
            for waiter in state.waiters where waiter.event == event { waiter.happened.succeed(&afterwards) }
            state.waiters.removeAll { $0.event == event }
        }
    }

    private static func stopped(after count: Int) -> FaultServerError {
        FaultServerError(description: "FaultServer: the server was stopped after \(count.counted("connection"))")
    }
}
