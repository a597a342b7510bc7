internal import LibWebSockets
internal import Synchronization

/// The requests of a service whose answers are awaited. Here, and nowhere else, they are completed.
final class Requests: Sendable {
    private let router: any MessageRouter
    let pending = Lock(PendingReplies())
    /// Looked at for each batch and each message that is sent, hence without the lock.
    private let count = Atomic<Int>(0)

    init(router: any MessageRouter) {
        self.router = router
    }

    var isEmpty: Bool { count.load(ordering: .acquiring) == 0 }

    func add(_ entry: PendingReplies.Entry) {
        count.add(1, ordering: .acquiringAndReleasing)
        pending.withLock { $0.add(entry) }
    }

    /// Nobody waits for the answer any more.
    func forget(_ number: UInt64) {
        pending.withLock { pending in
            if pending.remove(number: number) != nil { count.subtract(1, ordering: .acquiringAndReleasing) }
        }
    }

    func willSend(_ number: UInt64, on generation: UInt64) {
        guard !isEmpty else { return }
        pending.withLock { $0.willSend(number, on: generation) }
    }

    func didNotSend(_ number: UInt64, waitsForRoom: Bool = false) {
        guard !isEmpty else { return }
        change { pending in
            pending.didNotSend(number, waitsForRoom: waitsForRoom).map { [$0] } ?? []
        } failing: {
            .handlerMustReturn
        }
    }

    func didSend(_ number: UInt64, on generation: UInt64) {
        guard !isEmpty else { return }
        change { pending in
            pending.didSend(number, on: generation).map { [$0] } ?? []
        } failing: {
            SocketServiceError(.connectionFailed, "the connection was lost before the answer to the request came")
        }
    }

    /// Hands answers to the requests that wait for them, and returns the other messages.
    func takeAnswers(in batch: [WebSocketMessage], from generation: UInt64) -> [WebSocketMessage] {
        guard !isEmpty else { return batch }
        return batch.filter { message in
            // The router is the app's own, and may ask the service for anything: no lock is held.
            let traits = PendingReplies.Traits(
                correlationID: router.correlationID(of: message), route: router.route(of: message),
                isRequest: router.isRequest(message))
            guard let request = pending.withLock({ $0.take(traits, from: generation) }) else { return true }
            count.subtract(1, ordering: .acquiringAndReleasing)
            // A request that was given up in this very moment has no use for its answer, nor has anybody else.
            request.reply.succeed(message)
            return false
        }
    }

    func fail(_ number: UInt64, _ reason: DropReason) {
        guard !isEmpty else { return }
        change { pending in
            pending.remove(number: number).map { [$0] } ?? []
        } failing: {
            .requestDropped(reason)
        }
    }

    /// A connection is lost, and with it the answers to what was sent on it.
    func lose(_ generation: UInt64, _ error: SocketServiceError, _ afterwards: inout Afterwards) {
        change(&afterwards) {
            $0.lose(generation)
        } failing: {
            error
        }
    }

    /// Handlers that wait for an answer have to return before anything that waits now is sent: the next connection is
    /// greeted first.
    func failHandlersUnsent(after generation: UInt64, _ afterwards: inout Afterwards) {
        change(&afterwards) {
            $0.takeHandlersUnsent(after: generation)
        } failing: {
            .handlerMustReturn
        }
    }

    func failAll(_ error: SocketServiceError, _ afterwards: inout Afterwards) {
        change(&afterwards) {
            $0.takeAll()
        } failing: {
            error
        }
    }

    private func change(
        _ body: (inout PendingReplies) -> [PendingReplies.Entry], failing error: () -> SocketServiceError
    ) {
        var afterwards = Afterwards()
        change(&afterwards, body, failing: error)
        afterwards.perform()
    }

    private func change(
        _ afterwards: inout Afterwards, _ body: (inout PendingReplies) -> [PendingReplies.Entry],
        failing error: () -> SocketServiceError
    ) {
        let failed = pending.withLock { pending in
            let failed = body(&pending)
            count.subtract(failed.count, ordering: .acquiringAndReleasing)
            return failed
        }
        for request in failed { request.reply.fail(error(), &afterwards) }
    }
}
