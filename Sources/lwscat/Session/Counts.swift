import WebSocketService

/// The traffic of a session.
struct Counts: Hashable, Sendable {
    var connections = 0
    private(set) var messagesSent = 0
    private(set) var bytesSent = 0
    private(set) var messagesReceived = 0
    private(set) var bytesReceived = 0
    private(set) var roundTrips = RoundTrips()

    struct RoundTrips: Hashable, Sendable {
        private(set) var count = 0
        private(set) var shortest = Duration.zero
        private(set) var longest = Duration.zero
        private(set) var sum = Duration.zero

        var mean: Duration { count == 0 ? .zero : sum / count }

        mutating func add(_ duration: Duration) {
            shortest = count == 0 ? duration : min(shortest, duration)
            longest = max(longest, duration)
            sum += duration
            count += 1
        }
    }

    mutating func add(sent message: WebSocketMessage) {
        messagesSent += 1
        bytesSent += message.payload.count
    }

    mutating func add(received message: WebSocketMessage) {
        messagesReceived += 1
        bytesReceived += message.payload.count
    }

    mutating func add(roundTrip duration: Duration) { roundTrips.add(duration) }
}
