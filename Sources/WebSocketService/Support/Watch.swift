/// Runs `body`, and beside it `watch`, which ends it in its own way when it has waited long enough, and is cancelled once it
/// has returned.
func withWatch<Value, Failure: Error>(
    _ watch: @escaping @Sendable () async throws -> Void, body: () async throws(Failure) -> Value
) async throws(Failure) -> Value {
    let result = await withTaskGroup(of: Void.self) { group -> Result<Value, Failure> in
        defer { group.cancelAll() }
        group.addTask {
            // Only fails when it is cancelled.
            try? await watch()
        }
        do throws(Failure) {
            return .success(try await body())
        } catch {
            return .failure(error)
        }
    }
    return try result.get()
}
