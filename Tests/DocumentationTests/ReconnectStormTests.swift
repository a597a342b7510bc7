import Foundation
import Testing
import WebSocketService

@testable import ReconnectStorm

/// The figures beside the plot of the reconnect storm are what the policy's own code gives.
@Suite("The figures of a reconnect storm") struct ReconnectStormTests {
    @Test("The article's table has the figures that the simulation gives", arguments: ReconnectSchedule.Jitter.allCases)
    func theTableIsTrue(jitter: ReconnectSchedule.Jitter) throws {
        let document = PackageFiles.root.appending(path: "Sources/WebSocketService/Documentation.docc/Reconnecting.md")
        let result = Simulation().run(.exponential(jitter: jitter))
        let clients = try #require(result.connected.last)
        #expect(clients == 10_000, "everybody is connected in the end")
        func seconds(until count: Int) throws -> Int {
            let tenth = try #require(result.connected.firstIndex { $0 >= count })
            return Int((Double(tenth + 1) / 10).rounded(.toNearestOrEven))
        }
        let figures = [
            result.attempts.reduce(0, +).formatted(.number.locale(Locale(identifier: "en_US"))),
            try #require(result.attempts.max()).formatted(.number.locale(Locale(identifier: "en_US"))),
            "\(try seconds(until: clients / 2)) s", "\(try seconds(until: clients)) s",
        ]
        let row = "| `\(jitter)` | \(figures.joined(separator: " | ")) |"
        #expect(try String(contentsOf: document, encoding: .utf8).contains(row), "run scripts/reconnect-storm: \(row)")
    }
}
