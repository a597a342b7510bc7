/// The caller of the service, as far as that decides what a call may wait for.
enum Caller: Hashable, Sendable {
    case outside
    /// A handler, or a loop over messages between two of them: what comes after it waits until it returns.
    case handler
    /// An `onOpen` handler of this connection.
    case onOpen(generation: UInt64)
}

/// Set while a handler of the app's runs, so that what it calls knows.
struct HandlerContext: Sendable {
    @TaskLocal static var current: HandlerContext?

    /// Weak, as tasks that a handler starts have the context for as long as they live.
    weak let dispatcher: Dispatcher?
    /// The number of the dispatcher's call that this is. Tasks that a handler starts inherit the context and may outlive
    /// the call.
    let call: UInt64
    let caller: Caller
    /// The task that the handler was called in.
    let task: CurrentTask?
}

/// Tells whether two pieces of code run in the same task.
struct CurrentTask: Hashable, Sendable {
    // Tasks are compared only while they run, when no two have the same hash.
    private let hash: Int

    /// The task that runs; `nil` outside of any.
    init?() {
        guard let hash = withUnsafeCurrentTask(body: { $0?.hashValue }) else { return nil }
        self.hash = hash
    }
}

extension SharedHandlerTable {
    /// The current task is in the body of a loop over messages: as with a handler, what comes after waits for it.
    var isInLoop: Bool {
        let loops = read(\.allLoops)
        guard !loops.isEmpty, let task = CurrentTask() else { return false }
        return loops.contains { $0.isConsumed(by: task) }
    }

    /// A loop has taken a message and not asked for the next one: its body may run, in whatever tasks.
    var loopHoldsMessage: Bool {
        read(\.allLoops).contains(where: \.isHolding)
    }
}
