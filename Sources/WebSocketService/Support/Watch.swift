/// Runs `body` and, beside it, `watch`, which may end `body` and is cancelled when that has returned.
func withWatch<Value, Failure: Error>(
    _ watch: @escaping @Sendable () async throws -> Void, body: () async throws(Failure) -> Value
) async throws(Failure) -> Value {
    let result = await withTaskGroup(of: Void.self) { group -> Result<Value, Failure> in
        defer { group.cancelAll() }
        group.addTask {
            // A cancellation is what it fails of: `body` has returned, or is cancelled itself.
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
