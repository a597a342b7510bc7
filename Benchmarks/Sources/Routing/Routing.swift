import ArgumentParser
import Foundation
import Synchronization
import WebSocketService
import WebSocketTesting

/// What it costs to bring a JSON message to the handler registered for it, next to what decoding it costs.
@main
struct Routing: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The cost of routing a JSON message to a raw handler, next to JSONDecoder's of decoding it.")

    @Option(help: "Bytes of a message, at least 128.")
    var size = 256
    @Option(help: "Messages of a run.")
    var messages = 500_000
    @Option(help: "Messages that arrive in one batch.")
    var batch = 100
    @Option(help: "Fails unless decoding costs at least so many times as much as routing.")
    var atLeast: Double?

    /// What a feed's message looks like; the padding makes it as long as asked for.
    private struct Tick: Codable {
        var socketType = "mapData"
        var id = 123_456
        var symbol = "EURUSD"
        var price = 1.08125
        var tags = ["a", "b"]
        var note = ""
    }

    func run() async throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        var tick = Tick()
        tick.note = String(repeating: "x", count: max(0, size - (try encoder.encode(tick).count)))
        // Sorted, the route is near the end: the scanner has to pass the whole message.
        let late = WebSocketMessage.text(String(decoding: try encoder.encode(tick), as: UTF8.self))
        let early = WebSocketMessage.text(
            #"{"socketType":"mapData","#
                + String(decoding: try encoder.encode(tick), as: UTF8.self).dropFirst()
                .replacingOccurrences(of: #","socketType":"mapData""#, with: ""))

        let decoding = try decodingTime(late)
        print("JSONDecoder, \(late.payload.count) bytes: \(decoding) ns")
        for (name, message) in [("route first", early), ("route near the end", late)] {
            let routing = try await routingTime(message)
            let factor = decoding / routing
            print(
                "service, raw handler, \(name), \(message.payload.count) bytes: \(routing) ns, a "
                    + String(format: "%.1f", factor) + "th of decoding")
            if let atLeast, factor < atLeast { throw ExitCode.failure }
        }
    }

    private func decodingTime(_ message: WebSocketMessage) throws -> Double {
        let decoder = JSONDecoder()
        let count = messages / 10
        var sum = 0
        let duration = try ContinuousClock().measure {
            for _ in 0..<count { sum += try decoder.decode(Tick.self, from: Data(message.payload)).id }
        }
        precondition(sum == count * 123_456)
        return duration / .nanoseconds(1) / Double(count)
    }

    /// All of the way from the transport's `receive` to the handler.
    private func routingTime(_ message: WebSocketMessage) async throws -> Double {
        let transport = ScriptedTransport()
        let service = SocketService("wss://feed.example.com/", transport: transport)
        let handled = Atomic<Int>(0)
        service.register("mapData") { _ in handled.add(1, ordering: .relaxed) }
        try await service.start(waitingForOpen: true)
        let peer = try await transport.nextConnection()
        let messages = Array(repeating: message, count: batch)
        let batches = self.messages / batch
        for _ in 0..<batches { peer.deliver(messages) }
        let start = ContinuousClock.now
        let already = handled.load(ordering: .relaxed)
        try await peer.waitUntilRead()
        let duration = ContinuousClock.now - start
        precondition(handled.load(ordering: .relaxed) == batches * batch)
        await service.stop()
        return duration / .nanoseconds(1) / Double(batches * batch - already)
    }
}
