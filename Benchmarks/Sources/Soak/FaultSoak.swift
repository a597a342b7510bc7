import ArgumentParser
import CSilentDNS
import Foundation
import LibWebSockets
import WebSocketService
import WebSocketTesting

/// Many services on servers that die, stall, close and flood; at the end everything has to be accounted for, and gone.
struct FaultSoak: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "faults",
        abstract:
            "Services over wss on servers that misbehave; fails when a message is unaccounted for or anything stays.")

    @Option(help: "How many services.")
    var services = 200
    @Option(help: "How many servers.")
    var servers = 10
    @Option(help: "How long the storm lasts, in seconds.")
    var seconds = 300
    @Option(help: "Where the randomness begins.")
    var seed: UInt64 = 1
    @Option(help: "The growth of the allocated memory that is still taken for noise, in KiB.")
    var tolerance = 4_096

    func run() async throws {
        // A first round makes all that is made once, or for as many connections as there ever were.
        var problems = try await storm(seconds: max(3, seconds / 5))
        let before = Usage.now()
        print("after the warm-up: \(before)")
        problems += try await storm(seconds: seconds)
        let after = try await Usage.settled(to: before, toleranceKiB: tolerance)
        print("after the storm: \(after)")
        if after.descriptors > before.descriptors {
            problems.append("\(after.descriptors - before.descriptors) descriptors stay open: \(Usage.links())")
        }
        if after.allocatedKiB > before.allocatedKiB + tolerance {
            problems.append("memory has grown by \(after.allocatedKiB - before.allocatedKiB) KiB")
        }
        for problem in problems.prefix(20) { print("problem: \(problem)") }
        guard problems.isEmpty else { throw ExitCode.failure }
    }

    private func storm(seconds: Int) async throws -> [String] {
        let (ledger, counter, delays) = (Ledger(), Client.Counter(), Client.Delays())
        var servers: [StormyServer] = []
        for _ in 0..<self.servers { servers.append(try await StormyServer.start(ledger: ledger)) }
        let clients = (0..<services).map {
            Client(
                $0, server: servers[$0 % servers.count], ledger: ledger, counter: counter, delays: delays,
                seed: seed &+ UInt64($0))
        }
        let end = ContinuousClock.now + .seconds(seconds)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for client in clients { group.addTask { await client.run() } }
            for (index, server) in servers.enumerated() {
                group.addTask {
                    var generator = SeededGenerator(seed: seed &+ UInt64(10_000 + index))
                    while ContinuousClock.now < end {
                        try await Task.sleep(for: .milliseconds(Int.random(in: 50...1_500, using: &generator)))
                        try await server.misbehave(using: &generator)
                    }
                    server.calmDown()
                }
            }
            group.addTask {
                var generator = SeededGenerator(seed: seed &+ 20_000)
                while ContinuousClock.now < end {
                    try await Task.sleep(for: .milliseconds(Int.random(in: 2_000...15_000, using: &generator)))
                    set_dns_silent(1)
                    try await Task.sleep(for: .milliseconds(Int.random(in: 100...4_000, using: &generator)))
                    set_dns_silent(0)
                }
            }
            group.addTask {
                try await Task.sleep(until: end)
                for client in clients { client.finish() }
            }
            let watchdog = Task {
                try await Task.sleep(until: end + .seconds(60))
                let left = clients.filter { !$0.hasEnded }.map { "\($0.number) (\($0.service.state))" }
                print("problem: a minute after the storm these services have not ended: \(left)")
                Foundation.exit(1)
            }
            defer { watchdog.cancel() }
            try await group.waitForAll()
        }
        for server in servers { await server.server.stop() }
        print(
            "tokens refused: \(servers.map(\.refusedTokens).reduce(0, +)), lookups that met silence: \(silent_lookups())"
        )
        let (summary, problems) = ledger.close()
        print(summary)
        let sorted = delays.sorted
        if !sorted.isEmpty {
            print(
                "open after the server's return: p50 \(sorted[sorted.count / 2]), p99 \(sorted[sorted.count * 99 / 100])"
            )
        }
        return problems
    }
}
