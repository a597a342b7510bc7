import WebSocketService

/// lwscat's reactions to what happens, from the first attempt to the exit status: a value, without I/O and clock.
///
/// It serves both roles. As a client there is one connection at a time; with `--listen` any number of them, which end
/// nothing.
struct Session {
    struct Options: Hashable, Sendable {
        /// Listening, so that connections that end are no reason to end.
        var isServer = false
        /// A person sits at a terminal: the end of the input ends the session, and a failed connection that is tried again is
        /// counted down.
        var isInteractive = false
        /// The time to stay after the end of the input; `nil` for ever.
        var wait: Duration? = .seconds(2)
        var maximumMessages: Int?
        var sendsBinary = false
    }

    enum Event: Sendable {
        /// Connected, or a client has connected.
        case opened(String, subprotocol: String?)
        /// The peer is a client's address, with `--listen`.
        case message(WebSocketMessage, route: String?, peer: String? = nil)
        case roundTrip(Duration)
        /// The peer has closed the connection with a close frame.
        case closed(CloseCode, reason: String)
        /// A client's connection has ended.
        case clientLeft(String, CloseCode, reason: String)
        /// An attempt failed, or the connection was lost without a close frame; what to do about it, where there is something.
        case failed(String, EndStatus, hint: String? = nil)
        /// The next attempt comes after this time.
        case waiting(Duration, attempt: Int)
        /// The rest of that time.
        case countdown(Duration)
        /// No further attempt comes.
        case gaveUp
        case line(String)
        /// One message was handed over, or will not be.
        case sent(WebSocketMessage)
        case notSent(String)
        /// Nothing more comes from the input, and all of it was handed over.
        case inputEnded
        case waitIsOver
        /// ctrl-c or ctrl-d at the prompt.
        case left
        case signal(Int32)
        /// Nobody reads standard output any more.
        case outputClosed
        /// Everything is closed.
        case stopped(unsent: Int)
    }

    enum Action: Hashable, Sendable {
        case print(Notice)
        /// The text of the prompt in front of `>`.
        case prompt(String)
        case send(WebSocketMessage)
        case startWait(Duration)
        case startCountdown(Duration)
        case stopCountdown
        case reconnectNow
        /// Close everything, after sending what still waits if so told; then ``Event/stopped(unsent:)`` comes.
        case close(sendingFirst: Bool)
        case exit(EndStatus)
    }

    private enum ConnectionState {
        /// Connecting, or waiting for clients.
        case none
        case open
        /// The last attempt failed or the connection was lost.
        case failed
        case waiting(attempt: Int)
    }

    let options: Options
    private(set) var counts = Counts()
    private var connection = ConnectionState.none
    /// A wait that was announced before its reason: the two come by different ways.
    private var announcedWait: (delay: Duration, attempt: Int)?
    private var inputHasEnded = false
    private var waitHasBegun = false
    /// Closing: what the process is to exit with.
    private var ending: EndStatus?
    private var lastFailure = EndStatus.orderly
    private var hasExited = false

    init(_ options: Options) {
        self.options = options
        if options.isServer { connection = .open }
    }

    mutating func handle(_ event: Event) -> [Action] {
        guard !hasExited else { return [] }
        switch event {
        case .opened(let url, let subprotocol): return opened(url, subprotocol)
        case .message(let message, let route, let peer):
            return received(message, .message(message, route: route, peer: peer))
        case .roundTrip(let duration):
            counts.add(roundTrip: duration)
            return [.print(.roundTrip(duration))]
        case .closed(let code, let reason):
            return ended(.closed(code, reason: reason), EndStatus(closeCode: code))
        case .clientLeft(let peer, let code, let reason): return [.print(.clientLeft(peer, code, reason: reason))]
        case .failed(let text, let status, let hint): return ended(.failed(text, status, hint: hint), status)
        case .waiting(let delay, let attempt):
            guard case .failed = connection else {
                announcedWait = (delay, attempt)
                return []
            }
            return wait(delay, attempt: attempt)
        case .countdown(let rest): return countdown(rest)
        case .gaveUp: return ending == nil ? exit(lastFailure) : []
        case .line(let line): return send(line)
        case .sent(let message):
            counts.add(sent: message)
            return []
        case .notSent(let why): return [.print(.notSent(why))]
        case .inputEnded: return inputEnded()
        // Messages that were handed over may not have gone out yet where no time is given for answers.
        case .waitIsOver: return end(.orderly, sendingFirst: true)
        case .left: return end(.orderly)
        case .signal(let number):
            // A user who asks twice does not want to wait for the peer.
            return ending == nil ? end(.signal(number)) : exit(.signal(number))
        // Ends as any filter does then: with the status of SIGPIPE, which libwebsockets ignores.
        case .outputClosed: return exit(.signal(13))
        case .stopped(let unsent): return stopped(unsent)
        }
    }

    private mutating func opened(_ url: String, _ subprotocol: String?) -> [Action] {
        connection = .open
        announcedWait = nil
        counts.connections += 1
        return [.stopCountdown, .print(.opened(url, subprotocol: subprotocol)), .prompt("")] + beginWait()
    }

    private mutating func received(_ message: WebSocketMessage, _ notice: Notice) -> [Action] {
        guard ending == nil else { return [] }
        counts.add(received: message)
        let actions = [Action.print(notice)]
        return counts.messagesReceived == options.maximumMessages ? actions + end(.orderly) : actions
    }

    private mutating func ended(_ notice: Notice, _ status: EndStatus) -> [Action] {
        guard ending == nil else { return [] }
        connection = .failed
        lastFailure = status
        guard let announced = announcedWait else { return [.print(notice)] }
        return [.print(notice)] + wait(announced.delay, attempt: announced.attempt)
    }

    private mutating func wait(_ delay: Duration, attempt: Int) -> [Action] {
        announcedWait = nil
        connection = .waiting(attempt: attempt)
        let actions = [Action.print(.waiting(delay, attempt: attempt))]
        return options.isInteractive ? actions + [.startCountdown(delay)] : actions
    }

    private func countdown(_ rest: Duration) -> [Action] {
        guard case .waiting(let attempt) = connection, ending == nil else { return [] }
        guard rest > .zero else { return [.prompt("connecting, attempt \(attempt)")] }
        let seconds = max(1, Int((rest / .seconds(1)).rounded(.up)))
        return [.prompt("attempt \(attempt) in \(seconds) s, Enter for now")]
    }

    private func send(_ line: String) -> [Action] {
        guard ending == nil else { return [] }
        if options.isInteractive, line.isEmpty {
            if case .waiting = connection { return [.reconnectNow] }
            return []
        }
        return [.send(options.sendsBinary ? .binary(line.utf8) : .text(line))]
    }

    private mutating func inputEnded() -> [Action] {
        inputHasEnded = true
        if options.isInteractive { return end(.orderly) }
        if case .open = connection { return beginWait() }
        return []
    }

    /// The time for answers does not run before there is a connection.
    private mutating func beginWait() -> [Action] {
        guard inputHasEnded, !waitHasBegun, ending == nil, let wait = options.wait else { return [] }
        waitHasBegun = true
        return [.startWait(wait)]
    }

    private mutating func end(_ status: EndStatus, sendingFirst: Bool = false) -> [Action] {
        guard ending == nil else { return [] }
        ending = status
        return [.stopCountdown, .close(sendingFirst: sendingFirst)]
    }

    private mutating func stopped(_ unsent: Int) -> [Action] {
        let status = ending ?? lastFailure
        guard unsent > 0 else { return exit(status) }
        let why = unsent == 1 ? "1 message was never sent" : "\(unsent) messages were never sent"
        let fallback = lastFailure == .orderly ? EndStatus.connectionLost : lastFailure
        return [.print(.notSent(why))] + exit(status == .orderly ? fallback : status)
    }

    private mutating func exit(_ status: EndStatus) -> [Action] {
        hasExited = true
        return [.stopCountdown, .print(.end(status, counts)), .exit(status)]
    }
}
