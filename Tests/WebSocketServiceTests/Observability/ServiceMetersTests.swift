import CoreMetrics
import Dispatch
import Foundation
import Synchronization
import Testing

@testable import WebSocketService

/// Meters of one name are one and the same, until they are destroyed, as in most metrics systems.
private final class SharedMeters: MetricsFactory, Sendable {
    private let labels = Lock<Set<String>>([])

    func exists(_ label: String) -> Bool { labels.withLock { $0.contains(label) } }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        let handler = Handler(label: label)
        labels.withLock { _ = $0.insert(label) }
        return handler
    }
    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        NOOPMetricsHandler.instance
    }
    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { NOOPMetricsHandler.instance }
    func destroyCounter(_ handler: any CounterHandler) {
        // Others get their chance.
        for _ in 0..<100 { sched_yield() }
        if let handler = handler as? Handler { labels.withLock { _ = $0.remove(handler.label) } }
    }
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}

    private final class Handler: CounterHandler {
        let label: String
        init(label: String) { self.label = label }
        func increment(by amount: Int64) {}
        func reset() {}
    }
}

@Suite(.timeLimit(.minutes(10))) struct ServiceMetersTests {
    @Test("A service made as the last one of its name goes keeps its meters")
    func madeAsTheLastOneGoes() {
        let metrics = SharedMeters()
        let lost = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
            for _ in 0..<200 {
                let meters = ServiceMeters(serviceName: "feed", factory: metrics)
                for _ in 0..<100 { sched_yield() }
                let isThere = metrics.exists("websocket_service_handler_failures_total")
                withExtendedLifetime(meters) {
                    if !isThere { lost.add(1, ordering: .relaxed) }
                }
            }
        }
        #expect(lost.load(ordering: .relaxed) == 0)
    }
}
