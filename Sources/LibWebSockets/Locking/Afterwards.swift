/// Work to do once no lock is held.
///
/// A waiter, a listener or a cancelled task may run at once, on the same thread, and call anything: an executor may run a
/// job where it is enqueued, and a cancellation handler runs in the call that cancels. So a lock is held only to decide who
/// is told what; ``perform()`` tells them when the outermost lock is free.
@usableFromInline package struct Afterwards: Sendable {
    @usableFromInline package var steps: [@Sendable () -> Void] = []

    @inlinable package init() {}

    package mutating func add(_ step: @escaping @Sendable () -> Void) {
        steps.append(step)
    }

    /// Keeps what is the app's, and may run its code as it goes, until no lock is held.
    package mutating func release<Value: Sendable>(_ value: Value) {
        add { withExtendedLifetime(value) {} }
    }

    package mutating func cancel<Success, Failure>(_ task: Task<Success, Failure>?) {
        guard let task else { return }
        add { task.cancel() }
    }

    @inlinable package func perform() {
        for step in steps { step() }
    }
}
