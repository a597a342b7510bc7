import LibC
import Testing

@testable import LibWebSockets

/// For counting system calls, and nothing else: `strace -c -f` of this test with two numbers of round trips, whose
/// difference is what the round trips cost. `ROUND_TRIPS` is the number, `ROUND_TRIPS_URL` an echo server in another
/// process. Skipped without them.
@Suite(.hangs) struct RoundTripMeasurement {
    private static let count = getenv("ROUND_TRIPS").flatMap { Int(String(cString: $0)) }
    private static let url = getenv("ROUND_TRIPS_URL").map { String(cString: $0) }

    @Test(
        "Round trips of 64 bytes are made one after the other, to count system calls",
        .enabled(if: count != nil && url != nil))
    func roundTrips() async throws {
        let count = try #require(Self.count)
        let loop = SocketLoop.forTest()
        let configuration = WebSocketConfiguration(compression: .disabled)
        let socket = try await WebSocket.connect(to: try #require(Self.url), configuration: configuration, on: loop)
        let payload = [UInt8](repeating: 7, count: 64)
        let messages = socket.messages.makeAsyncIterator()
        let start = ContinuousClock.now
        for _ in 0..<count {
            try await socket.send(payload)
            _ = try #require(try await messages.next())
        }
        print("\(count) round trips, \(start.duration(to: .now) / count) each")
        socket.abort()
        await loop.shutDown()
    }
}
