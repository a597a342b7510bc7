/// Set while a closure of the app's runs that is part of an attempt, so that what it calls knows.
struct AttemptScope: Sendable {
    @TaskLocal static var current: AttemptScope?

    /// The service's connections, only to tell services apart.
    weak let life: (any AnyObject & Sendable)?
    let generation: UInt64
    /// The task that the closure was called in. Those that it starts have the context, too.
    var task = CurrentTask()
}
