/// The time that `body` takes, with its result.
func timed<Result>(_ body: () async throws -> Result) async rethrows -> (Result, Duration) {
    let clock = ContinuousClock()
    let start = clock.now
    let result = try await body()
    return (result, start.duration(to: clock.now))
}
