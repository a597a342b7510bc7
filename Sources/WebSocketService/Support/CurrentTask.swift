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
