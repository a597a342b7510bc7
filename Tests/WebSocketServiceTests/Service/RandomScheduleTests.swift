import Foundation
import Testing

/// Seeded schedules of an app that does anything at any time and a peer that misbehaves, after which the books must balance.
@Suite("Random schedules of an app and its peer", .timeLimit(.minutes(30))) struct RandomScheduleTests {
    /// More of them with `RANDOM_SCHEDULES=10000` in the environment, beginning at `RANDOM_SCHEDULE_SEED`.
    private static let total = ProcessInfo.processInfo.environment["RANDOM_SCHEDULES"].flatMap { Int($0) } ?? 100
    private static let first = ProcessInfo.processInfo.environment["RANDOM_SCHEDULE_SEED"].flatMap { Int($0) } ?? 0
    private static let perProcess = 100
    /// Runs so many of these also on several threads at once. Their helpers keep every core busy, so that this is no part of an
    /// ordinary run.
    private static let totalOnThreads = total / 20
    private static let isAskedForMore = ProcessInfo.processInfo.environment["RANDOM_SCHEDULES"] != nil

    @Test(
        "Every waiter is completed once, every message has one outcome, order is kept and nobody is left alive",
        arguments: stride(from: first, to: first + total, by: perProcess).map {
            $0..<min($0 + perProcess, first + total)
        })
    func schedules(seeds: Range<Int>) async {
        await #expect(processExitsWith: .success) { [seeds] in
            SeededExecutor.shared.install()
            for seed in seeds {
                for problem in Schedule.run(seed: UInt64(seed)) {
                    Issue.record("seed \(seed): \(problem)")
                }
            }
            SeededExecutor.shared.uninstall()
        }
    }

    @Test(
        "Waiters, messages and order are kept also when the tasks run on several threads at once",
        .enabled("Runs with RANDOM_SCHEDULES in the environment") { isAskedForMore },
        arguments: stride(from: first, to: first + totalOnThreads, by: perProcess).map {
            $0..<min($0 + perProcess, first + totalOnThreads)
        })
    func threads(seeds: Range<Int>) async {
        await #expect(processExitsWith: .success) { [seeds] in
            SeededExecutor.shared.install()
            for seed in seeds {
                SeededExecutor.shared.startHelpers(2)
                for problem in Schedule.run(seed: UInt64(seed)) {
                    Issue.record("seed \(seed), on several threads: \(problem)")
                }
                SeededExecutor.shared.stopHelpers()
            }
            SeededExecutor.shared.uninstall()
        }
    }
}
