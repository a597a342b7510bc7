/// Work that other threads hand to the loop's thread.
@safe enum LoopWork: Sendable {
    case run(@Sendable (LoopCore) -> Void)
    /// A connection has output, or is to close. Without a closure, because it comes with each message.
    case output(any LoopOutput)
    case job(UnownedJob, UnownedTaskExecutor)
}
