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
