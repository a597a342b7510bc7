import LibWebSockets

/// What happened on a server's connections, and who waits for it.
final class FaultServerLog: Sendable {
    private enum Event: Hashable {
        case accepted(Int)
        case ended(Int)

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
        var waiters: [Int: (event: Event, continuation: CheckedContinuation<Void, any Error>)] = [:]
        var nextWaiter = 0
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

    func waitForConnection(_ index: Int) async throws {
        try await wait(for: .accepted(index))
    }

    func transcript(of index: Int) async throws -> FaultServer.Transcript {
        try await wait(for: .ended(index))
        return state.withLock { $0.transcripts[index]! }
    }

    /// No further events will come.
    func close() {
        let (waiters, error) = state.withLock { state in
            state.isClosed = true
            defer { state.waiters = [:] }
            return (state.waiters.values, Self.stopped(after: state.connectionCount))
        }
        for waiter in waiters { waiter.continuation.resume(throwing: error) }
    }

    private func wait(for event: Event) async throws {
        let id = state.withLock { state in
            defer { state.nextWaiter += 1 }
            return state.nextWaiter
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<Void, any Error>? = state.withLock { state in
                    if let error = event.impossibility { return .failure(error) }
                    if state.hasHappened(event) { return .success(()) }
                    if state.isClosed { return .failure(Self.stopped(after: state.connectionCount)) }
                    // The handler below may have run already, before there was a waiter to cancel.
                    if Task.isCancelled { return .failure(CancellationError()) }
                    state.waiters[id] = (event, continuation)
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            let waiter = state.withLock { $0.waiters.removeValue(forKey: id) }
            waiter?.continuation.resume(throwing: CancellationError())
        }
    }

    private func wakeWaiters(for event: Event) {
        let waiters = state.withLock { state in
            let waiters = state.waiters.filter { $0.value.event == event }
            for id in waiters.keys { state.waiters[id] = nil }
            return waiters.values
        }
        for waiter in waiters { waiter.continuation.resume() }
    }

    private static func stopped(after count: Int) -> FaultServerError {
        FaultServerError(description: "FaultServer: the server was stopped after \(count) connections")
    }
}
