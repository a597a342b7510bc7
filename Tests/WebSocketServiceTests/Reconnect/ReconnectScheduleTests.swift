import Testing
import WebSocketTesting

@testable import WebSocketService

@Suite struct ReconnectScheduleTests {
    private func delays(
        _ schedule: ReconnectSchedule, count: Int, using generator: some RandomNumberGenerator
    ) -> [Duration?] {
        var generator = generator
        var previous: Duration?
        return (0..<count).map { failures in
            previous = schedule.delay(
                .init(failure: .refusedTCP, failuresBefore: failures, previousDelay: previous), using: &generator)
            return previous
        }
    }

    private func exponential(_ jitter: ReconnectSchedule.Jitter) -> ReconnectSchedule {
        .exponential(initial: .milliseconds(500), multiplier: 2, maximum: .seconds(30), jitter: jitter)
    }

    @Test(
        "Exponential delays grow up to the maximum, as the jitter and its random numbers say",
        arguments: [
            (.none, ConstantGenerator.middle, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]),
            (.full, .lowest, [0, 0, 0, 0, 0, 0, 0, 0]),
            (.full, .middle, [250, 500, 1000, 2000, 4000, 8000, 15000, 15000]),
            (.full, .highest, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]),
            (.equal, .lowest, [250, 500, 1000, 2000, 4000, 8000, 15000, 15000]),
            (.equal, .middle, [375, 750, 1500, 3000, 6000, 12000, 22500, 22500]),
            (.equal, .highest, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]),
            (.decorrelated, .lowest, [500, 500, 500, 500, 500, 500, 500, 500]),
            (.decorrelated, .middle, [1000, 1750, 2875, 4562.5, 7093.75, 10890.625, 15250, 15250]),
            (.decorrelated, .highest, [1500, 4500, 13500, 30000, 30000, 30000, 30000, 30000]),
        ] as [(ReconnectSchedule.Jitter, ConstantGenerator, [Double])])
    func exponentialDelays(jitter: ReconnectSchedule.Jitter, generator: ConstantGenerator, milliseconds: [Double]) {
        for (delay, expected) in zip(delays(exponential(jitter), count: 8, using: generator), milliseconds) {
            let actual = (delay ?? .zero) / .milliseconds(1)
            #expect(abs(actual - expected) < 0.001, "\(jitter): \(actual) ms, expected \(expected) ms")
        }
    }

    @Test("Random delays stay in their range, and are spread over it", arguments: ReconnectSchedule.Jitter.allCases)
    func randomDelaysStayInTheirRangeAndAreSpread(jitter: ReconnectSchedule.Jitter) {
        var generator = SeededGenerator(seed: 7)
        let drawn = (0..<1_000).compactMap { _ in
            exponential(jitter).delay(
                .init(failure: .refusedTCP, failuresBefore: 4, previousDelay: .seconds(4)), using: &generator)
        }
        let range: ClosedRange<Duration> =
            switch jitter {
            case .none: .seconds(8) ... .seconds(8)
            case .full: .zero ... .seconds(8)
            case .equal: .seconds(4) ... .seconds(8)
            case .decorrelated: .milliseconds(500) ... .seconds(12)
            }
        #expect(drawn.count == 1_000)
        #expect(drawn.allSatisfy(range.contains))
        #expect(Set(drawn).count > (jitter == .none ? 0 : 990))
        let mean = drawn.reduce(.zero, +) / drawn.count
        let middle = (range.lowerBound + range.upperBound) / 2
        #expect(abs(mean / middle - 1) < 0.05, "\(mean) is far from \(middle)")
    }

    @Test("Linear delays grow by a step for each failure") func linearIsTheSeedsOne() {
        let expected = (1...10).map { Duration.seconds($0) }
        #expect(delays(.linear(step: .seconds(1)), count: 10, using: ConstantGenerator.lowest) == expected)
    }

    @Test("A fixed delay never changes") func fixedNeverChanges() {
        #expect(
            delays(.fixed(.seconds(3)), count: 3, using: ConstantGenerator.highest) == [
                .seconds(3), .seconds(3), .seconds(3),
            ])
    }

    @Test("A custom schedule decides from the context") func customDecidesFromTheContext() {
        let schedule = ReconnectSchedule.custom { $0.failuresBefore < 2 ? .seconds($0.failuresBefore) : nil }
        #expect(delays(schedule, count: 3, using: ConstantGenerator.lowest) == [.zero, .seconds(1), nil])
    }

    @Test(
        "Numbers that make no sense give sensible delays",
        arguments: [
            (initial: -1, multiplier: 2, maximum: 30, expected: 0),
            (initial: 1, multiplier: 0.5, maximum: 30, expected: 1),
            (initial: 1, multiplier: .nan, maximum: 30, expected: 1),
            (initial: 1, multiplier: .infinity, maximum: 30, expected: 30),
            (initial: 60, multiplier: 2, maximum: 30, expected: 30),
            (initial: 1, multiplier: 2, maximum: -5, expected: 0),
            (initial: 1, multiplier: 1e300, maximum: 1e9, expected: 1e9),
        ] as [(initial: Double, multiplier: Double, maximum: Double, expected: Double)])
    func senselessNumbersGiveSensibleDelays(initial: Double, multiplier: Double, maximum: Double, expected: Double) {
        let schedule = ReconnectSchedule.exponential(
            initial: .seconds(initial), multiplier: multiplier, maximum: .seconds(maximum), jitter: .none)
        var generator = ConstantGenerator.lowest
        let delay = schedule.delay(.init(failure: .refusedTCP, failuresBefore: 1_000_000), using: &generator)
        #expect(delay == .seconds(expected))
    }
}
