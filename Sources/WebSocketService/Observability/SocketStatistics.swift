/// A snapshot of what a service has done since it was made.
public struct SocketStatistics: Hashable, Sendable {
    /// Attempts to connect.
    public var attempts: UInt64 = 0
    /// Attempts that led to an open connection.
    public var connectionsOpened: UInt64 = 0
    /// Attempts that failed and open connections that were lost.
    public var failures: UInt64 = 0
    /// Messages that a connection has taken.
    public var messagesSent: UInt64 = 0
    /// Bytes of payload.
    public var bytesSent: UInt64 = 0
    /// Messages that have arrived.
    public var messagesReceived: UInt64 = 0
    /// Bytes of payload.
    public var bytesReceived: UInt64 = 0
    /// Messages that were queued, or given to `send`, and will not be sent.
    public var messagesDropped: UInt64 = 0
    /// Messages for which no handler is registered.
    public var messagesUnhandled: UInt64 = 0
    /// Messages that did not decode as a handler's type.
    public var decodingFailures: UInt64 = 0
    /// Calls of the app's handlers that threw.
    public var handlerFailures: UInt64 = 0
    /// Messages that wait for a connection now.
    public var queuedMessages = 0
    /// Bytes of memory that these messages take, as ``QueuePolicy/byteLimit`` counts them.
    public var queuedBytes = 0
    /// The round trips of the current connection's heartbeats; `nil` before the first.
    public var roundTripTime: RoundTripTime?
    /// Events that were lost to subscribers that did not keep up.
    public var eventsDropped: UInt64 = 0
}

extension SocketStatistics: CustomStringConvertible {
    /// A sentence: `3 attempts, 2 connections, 1 failure; sent 5 messages (80 bytes), received 7 (912 bytes); 0 queued, 0
    /// dropped, 1 unhandled`.
    public var description: String {
        let roundTrip = roundTripTime.map { "; last round trip \($0.last.words)" } ?? ""
        return """
            \(attempts.counted("attempt")), \(connectionsOpened.counted("connection")), \(failures.counted("failure")); \
            sent \(messagesSent.counted("message")) (\(bytesSent.counted("byte"))), received \(messagesReceived) \
            (\(bytesReceived.counted("byte"))); \
            \(queuedMessages) queued, \(messagesDropped) dropped, \(messagesUnhandled) unhandled\(roundTrip)
            """
    }
}
