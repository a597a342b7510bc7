import ArgumentParser
import FoundationEssentials
import Synchronization
import WebSocketService
import WebSocketTesting

/// What it costs to bring a message to its raw handler, next to decoding the same message with `JSONDecoder`.
@main
struct MessageDispatch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Routing a 256-byte message to a raw handler, next to JSONDecoder.")

    @Option(help: "Messages of a run.")
    var messages = 200_000
    @Option(help: "Runs; medians are shown.")
    var runs = 5

    struct Payload: Codable {
        var socketType: String
        var id: Int
        var values: [Double]
        var comment: String
    }

    func run() async throws {
        var payload = Payload(socketType: "mapData", id: 7, values: [1.5, 2.25, 3.125, 4.0625], comment: "")
        let encoder = JSONEncoder()
        payload.comment = String(repeating: "c", count: 256 - (try encoder.encode(payload).count))
        let message = WebSocketMessage.text(String(decoding: try encoder.encode(payload), as: UTF8.self))
        print("\(message.payload.count)-byte message, \(messages) a run, median of \(runs) runs")

        var (routing, dispatching, decoding): ([Double], [Double], [Double]) = ([], [], [])
        for _ in 0..<runs {
            routing.append(nanoseconds { route(message) })
            dispatching.append(try await dispatch(message))
            decoding.append(try nanoseconds { try decode(message) })
        }
        report("find the route", routing)
        report("whole way to a raw handler", dispatching)
        report("JSONDecoder alone", decoding)
        print(
            "JSONDecoder costs \(ratio(decoding, dispatching)) times the whole way, \(ratio(decoding, routing)) times the route"
        )
    }

    private func nanoseconds(_ body: () throws -> Void) rethrows -> Double {
        try ContinuousClock().measure(body) / .nanoseconds(1) / Double(messages)
    }

    private func route(_ message: WebSocketMessage) {
        let router: any MessageRouter = .json()
        var found = 0
        for _ in 0..<messages where router.route(of: message) == "mapData" { found += 1 }
        precondition(found == messages)
    }

    private func decode(_ message: WebSocketMessage) throws {
        let decoder = JSONDecoder()
        var sum = 0
        for _ in 0..<messages { sum += try decoder.decode(Payload.self, from: Data(message.payload)).id }
        precondition(sum == messages * 7)
    }

    /// From the transport's batch to the return of the handler, through a service.
    private func dispatch(_ message: WebSocketMessage) async throws -> Double {
        let transport = ScriptedTransport([.open()])
        let service = SocketService("ws://localhost", transport: transport, heartbeat: .off)
        let (stream, finished) = AsyncStream.makeStream(of: Void.self)
        let remaining = Remaining(messages)
        service.register("mapData") { _ in
            if remaining.decrement() == 0 { finished.finish() }
        }
        try await service.start(waitingForOpen: true)
        let connection = try await transport.nextConnection()
        let batch = [WebSocketMessage](repeating: message, count: 1_000)
        let clock = ContinuousClock()
        let elapsed = await clock.measure {
            for _ in 0..<(messages / batch.count) { connection.deliver(batch) }
            for await _ in stream {}
        }
        await service.stop()
        return elapsed / .nanoseconds(1) / Double(messages)
    }

    private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
    private func report(_ name: String, _ values: [Double]) { print("\(name): \(Int(median(values))) ns") }
    private func ratio(_ left: [Double], _ right: [Double]) -> String {
        let tenths = Int(median(left) / median(right) * 10)
        return "\(tenths / 10).\(tenths % 10)"
    }
}

/// How many messages the handler has not seen yet.
private final class Remaining: Sendable {
    private let count: Atomic<Int>

    init(_ count: Int) {
        self.count = Atomic(count)
    }

    func decrement() -> Int {
        count.wrappingSubtract(1, ordering: .relaxed).newValue
    }
}
