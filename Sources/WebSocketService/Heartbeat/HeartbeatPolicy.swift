/// A service's way to find a peer that is dead although the connection looks open, and to keep middleboxes from closing a
/// quiet one.
///
/// Every ``interval`` a beat is sent; when it goes unanswered for ``timeout``, that is a miss and the next beat follows
/// at once. One miss more than ``missesAllowed`` and the connection is aborted, without a close handshake, which a dead
/// peer would not answer. So a dead peer is found after `interval + timeout * (missesAllowed + 1)` at the latest.
///
/// A connection whose messages fill the inbox and wait for handlers is not read, so an answer could not be seen: beats are
/// still sent, and the time does not count.
public struct HeartbeatPolicy: Sendable {
    enum Beat: Sendable {
        case ping
        case message(@Sendable () async throws -> WebSocketMessage)
    }

    let beat: Beat?
    /// The time from one beat to the next; less than 1 ms counts as 1 ms, and more than a century as a century.
    public var interval: Duration
    /// The time limit for an answer; `nil` when none is expected, and the beats only keep the connection in use. Less than
    /// 1 ms counts as 1 ms, and more than a century as a century.
    public var timeout: Duration?
    /// The number of beats in a row that may go unanswered; less than 0 counts as 0.
    public var missesAllowed: Int
    /// Takes anything that arrives as a sign that the peer is alive, not only the answer to a beat.
    public var anyTrafficCounts: Bool
    /// Puts the next beat off by a whole ``interval`` whenever anything arrives.
    public var trafficPostpones: Bool
    /// Sends the first beat as soon as there is a connection. A message of the application's goes out before any other
    /// message, and before the service counts as open.
    public var beatsOnOpen: Bool
    /// Tells whether a message answers an application's beat. Called by the task that reads the connection, for the
    /// messages of each batch in turn until one does. Answers are still dispatched like any other message.
    public var isAnswer: (@Sendable (WebSocketMessage) -> Bool)?

    private init(
        beat: Beat?, interval: Duration, timeout: Duration?, missesAllowed: Int, anyTrafficCounts: Bool,
        trafficPostpones: Bool, beatsOnOpen: Bool, isAnswer: (@Sendable (WebSocketMessage) -> Bool)? = nil
    ) {
        self.beat = beat
        self.interval = interval
        self.timeout = timeout
        self.missesAllowed = missesAllowed
        self.anyTrafficCounts = anyTrafficCounts
        self.trafficPostpones = trafficPostpones
        self.beatsOnOpen = beatsOnOpen
        self.isAnswer = isAnswer
    }

    /// Ping frames (RFC 6455 section 5.5.2), whose pongs give round-trip times.
    ///
    /// - Parameters:
    ///   - interval: The time from one ping to the next, at least 1 ms. The default is 30 s.
    ///   - timeout: The time limit for the pong. The default is 10 s.
    ///   - missesAllowed: The number of pings in a row that may go unanswered. The default is none.
    ///   - anyTrafficCounts: Takes anything that arrives for the pong, so that a large message on a slow line does not look
    ///     like a dead peer. The default is true.
    ///   - beatsOnOpen: Sends the first ping as soon as the connection is open. The default is false.
    public static func ping(
        every interval: Duration = .seconds(30),
        timeout: Duration = .seconds(10),
        missesAllowed: Int = 0,
        anyTrafficCounts: Bool = true,
        beatsOnOpen: Bool = false
    ) -> HeartbeatPolicy {
        HeartbeatPolicy(
            beat: .ping, interval: interval, timeout: timeout, missesAllowed: missesAllowed,
            anyTrafficCounts: anyTrafficCounts, trafficPostpones: false, beatsOnOpen: beatsOnOpen)
    }

    /// A message of the application's, always the same one; see ``message(every:timeout:missesAllowed:beatsOnOpen:isAnswer:_:)``.
    public static func message(
        _ message: WebSocketMessage,
        every interval: Duration = .seconds(60),
        timeout: Duration? = .seconds(10),
        missesAllowed: Int = 0,
        beatsOnOpen: Bool = true,
        isAnswer: (@Sendable (WebSocketMessage) -> Bool)? = nil
    ) -> HeartbeatPolicy {
        .message(
            every: interval, timeout: timeout, missesAllowed: missesAllowed, beatsOnOpen: beatsOnOpen,
            isAnswer: isAnswer
        ) { message }
    }

    /// A message of the application's, made anew for each beat.
    ///
    /// - Parameters:
    ///   - interval: The time from the last traffic to the next beat, at least 1 ms. The default is 60 s.
    ///   - timeout: The time limit for the answer; `nil` for a server that does not answer. The default is 10 s.
    ///   - missesAllowed: The number of beats in a row that may go unanswered. The default is none.
    ///   - beatsOnOpen: Sends the first beat as the very first message on a new connection. The default is true.
    ///   - isAnswer: Tells whether a message answers a beat, which also gives round-trip times. Without it, anything that
    ///     arrives is an answer and postpones the next beat.
    ///   - make: Makes the message. Called for each beat, in a task of the service's. Throwing skips the beat, and so does
    ///     taking longer than ``SocketService/Options/attemptTimeout``; it then counts as unanswered. Skipping is reported
    ///     as ``SocketServiceError/Code/heartbeatFailed``.
    public static func message(
        every interval: Duration = .seconds(60),
        timeout: Duration? = .seconds(10),
        missesAllowed: Int = 0,
        beatsOnOpen: Bool = true,
        isAnswer: (@Sendable (WebSocketMessage) -> Bool)? = nil,
        _ make: @escaping @Sendable () async throws -> WebSocketMessage
    ) -> HeartbeatPolicy {
        HeartbeatPolicy(
            beat: .message(make), interval: interval, timeout: timeout, missesAllowed: missesAllowed,
            anyTrafficCounts: isAnswer == nil, trafficPostpones: isAnswer == nil, beatsOnOpen: beatsOnOpen,
            isAnswer: isAnswer)
    }

    /// No heartbeat: a dead peer is noticed when TCP gives up, which takes about 15 minutes on Linux (tcp(7),
    /// `tcp_retries2`) and never happens while nothing is sent.
    public static let off = HeartbeatPolicy(
        beat: nil, interval: .seconds(30), timeout: nil, missesAllowed: 0, anyTrafficCounts: true,
        trafficPostpones: false, beatsOnOpen: false)
}
