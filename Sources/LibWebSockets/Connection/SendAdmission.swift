/// The queue of those who may add to the output next: first come, first served, and as many at once as fit.
///
/// A value, shared under the connection's lock. A sender that finds no room waits here. Room that comes free goes to those
/// in front: it is reserved for each until it has added what it announced, so nobody who comes later takes it away, and
/// nobody is woken in vain.
struct SendAdmission<Waiter> {
    enum Request {
        /// A message in one frame.
        case message(byteCount: Int)
        /// A fragment by the sender that has the stream.
        case fragment(byteCount: Int)
        /// The stream: the right to send a message in fragments, between which no other message may come (RFC 6455
        /// section 5.4).
        case stream
    }

    /// The most senders that may be admitted and not have added their message yet: waking all of a thousand waiters would
    /// keep the loop, and the first of them goes on to admit more.
    private static var mostAdmitted: Int { 64 }

    /// With this many bytes waiting to be written, there is no room.
    private let limit: Int
    /// A sender has the stream.
    private(set) var isStreaming = false
    private var waiters: [UInt64: (request: Request, waiter: Waiter)] = [:]
    /// The only one that may have to wait while it has the stream.
    private var fragment: (id: UInt64, byteCount: Int, waiter: Waiter)?
    /// Identifiers are given in the order of arrival; none below this one waits.
    private var first: UInt64 = 1
    private var last: UInt64 = 0
    private var admitted = 0
    private var reserved = 0

    init(limit: Int) {
        self.limit = limit
    }

    var hasWaiters: Bool { !waiters.isEmpty || fragment != nil }

    /// Tells whether a request that comes now is granted without waiting.
    /// - Parameter queued: The bytes that wait to be written.
    func admitsAtOnce(_ request: Request, queued: Int) -> Bool {
        switch request {
        case .message: !isStreaming && waiters.isEmpty && hasRoom(queued)
        case .fragment: hasRoom(queued)
        case .stream: !isStreaming && waiters.isEmpty && admitted == 0
        }
    }

    /// Grants a request that comes now, if it needs not wait.
    mutating func admitNow(_ request: Request, queued: Int) -> Bool {
        guard admitsAtOnce(request, queued: queued) else { return false }
        grant(request)
        return true
    }

    private mutating func grant(_ request: Request) {
        guard let byteCount = request.byteCount else { return isStreaming = true }
        admitted += 1
        reserved += byteCount
    }

    mutating func endStream() {
        isStreaming = false
    }

    private func hasRoom(_ queued: Int) -> Bool {
        reserved < limit - queued
    }

    mutating func makeID() -> UInt64 {
        last += 1
        return last
    }

    /// - Parameter id: Of ``makeID()``.
    mutating func wait(_ request: Request, id: UInt64, _ waiter: Waiter) {
        if case .fragment(let byteCount) = request {
            fragment = (id, byteCount, waiter)
        } else {
            if waiters.isEmpty { first = id }
            first = min(first, id)
            waiters[id] = (request, waiter)
        }
    }

    mutating func cancel(_ id: UInt64) -> Waiter? {
        if let fragment, fragment.id == id {
            self.fragment = nil
            return fragment.waiter
        }
        return waiters.removeValue(forKey: id)?.waiter
    }

    /// An admitted request has added its frame, or will not.
    mutating func release(_ request: Request) {
        guard let byteCount = request.byteCount else { return }
        admitted -= 1
        reserved -= byteCount
    }

    /// Those that are admitted now, to be resumed outside of the lock. Ask again after every ``release(_:)``,
    /// ``endStream()`` and ``cancel(_:)``, and when output was written.
    mutating func admit(queued: Int) -> [Waiter] {
        // Half empty: fewer and longer runs of the senders than resuming one at each free byte.
        guard hasWaiters, reserved <= limit / 2 - min(queued, limit) else { return [] }
        var next: [Waiter] = []
        if let fragment, hasRoom(queued) {
            self.fragment = nil
            grant(.fragment(byteCount: fragment.byteCount))
            next.append(fragment.waiter)
        }
        while !isStreaming, admitted < Self.mostAdmitted, let id = firstID, let (request, waiter) = waiters[id] {
            guard request.byteCount == nil ? admitted == 0 : hasRoom(queued) else { break }
            grant(request)
            waiters[id] = nil
            next.append(waiter)
        }
        return next
    }

    private var firstID: UInt64? {
        mutating get {
            guard !waiters.isEmpty else { return nil }
            while waiters[first] == nil { first += 1 }
            return first
        }
    }

    /// Everybody who waits, in order: the connection ends.
    mutating func removeAll() -> [Waiter] {
        defer {
            waiters = [:]
            fragment = nil
        }
        return (fragment.map { [$0.waiter] } ?? []) + waiters.sorted { $0.key < $1.key }.map(\.value.waiter)
    }
}

extension SendAdmission.Request {
    /// The bytes that room is reserved for; `nil` for the stream.
    fileprivate var byteCount: Int? {
        switch self {
        case .message(let byteCount), .fragment(let byteCount): byteCount
        case .stream: nil
        }
    }
}
