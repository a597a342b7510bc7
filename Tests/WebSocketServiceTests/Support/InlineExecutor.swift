/// Runs jobs where they are enqueued, on the thread that makes them ready.
final class InlineExecutor: TaskExecutor, Sendable {
    func enqueue(_ job: consuming ExecutorJob) {
        UnownedJob(job).runSynchronously(on: asUnownedTaskExecutor())
    }
}
