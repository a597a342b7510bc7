import TestSupport
import Testing

@testable import LibWebSockets

@Suite struct LogLimitTests {
    @Test("So many lines in a period are logged, and the next one says how many were left out")
    func limit() {
        var limit = LogLimit(limit: 2, period: .seconds(60))
        let start = ContinuousClock.now
        #expect(limit.next(at: start) == .log(suppressed: 0))
        #expect(limit.next(at: start + .seconds(59)) == .log(suppressed: 0))
        for _ in 0..<1_000 { #expect(limit.next(at: start + .seconds(59)) == .suppress) }
        #expect(limit.next(at: start + .seconds(60)) == .log(suppressed: 1_000))
        #expect(limit.next(at: start + .seconds(61)) == .log(suppressed: 0))
        #expect(limit.next(at: start + .seconds(62)) == .suppress)
        #expect(limit.next(at: start + .seconds(500)) == .log(suppressed: 1))
    }

    @Test("Shared by threads, no more lines come through")
    func shared() async {
        let limit = SharedLogLimit()
        let lines = Collector<String>()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<1_000 { group.addTask { limit.log { lines.add($0) } } }
        }
        #expect(lines.all == Array(repeating: "", count: 10))
    }
}
