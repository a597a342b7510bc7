import WebSocketService

/// Carries out what the ``Session`` says: the only place where it meets clocks, sockets and the terminal.
///
/// Runs on the main actor: a reader of the output may hold up its thread without holding up connections.
@MainActor
final class Runner {
    private var session: Session
    private let counterpart: any Counterpart
    let screen: Screen
    private let closing: (code: CloseCode, reason: String)
    private var unsent: [WebSocketMessage] = []
    private var isSending = false
    private var countdown: Task<Void, Never>?
    private var tasks: [Task<Void, Never>] = []
    private var status: EndStatus?
    private var waiter: CheckedContinuation<EndStatus, Never>?

    init(
        session: Session, counterpart: any Counterpart, screen: Screen, closing: (code: CloseCode, reason: String)
    ) {
        self.session = session
        self.counterpart = counterpart
        self.screen = screen
        self.closing = closing
    }

    /// Waits for the end.
    func result() async -> EndStatus {
        if let status { return status }
        return await withCheckedContinuation { waiter = $0 }
    }

    func handle(_ event: Session.Event) {
        for action in session.handle(event) { perform(action) }
    }

    /// Takes a line of the input and returns when it was handed over, so that no more is read than can be sent.
    func send(line: String) async {
        handle(.line(line))
        await sendAll()
    }

    func print(_ notice: Notice) {
        do {
            try screen.print(notice)
        } catch {
            handle(.outputClosed)
        }
    }

    private func perform(_ action: Session.Action) {
        switch action {
        case .print(let notice): print(notice)
        case .prompt(let status): screen.setStatus(status)
        case .send(let message):
            unsent.append(message)
            run { await self.sendAll() }
        case .startWait(let duration):
            run {
                // Cancelled with everything else at the end.
                try? await Task.sleep(for: duration)
                self.handle(.waitIsOver)
            }
        case .startCountdown(let delay): startCountdown(delay)
        case .stopCountdown:
            countdown?.cancel()
            countdown = nil
        case .reconnectNow: counterpart.reconnectNow()
        case .close(let sendingFirst):
            run {
                let ownUnsent = self.unsent.count
                let unsent = await self.counterpart.stop(
                    sendingFirst: sendingFirst, code: self.closing.code, reason: self.closing.reason)
                self.handle(.stopped(unsent: ownUnsent + unsent))
            }
        case .exit(let status): finish(status)
        }
    }

    private func run(_ body: @escaping @MainActor () async -> Void) {
        tasks.append(Task { await body() })
    }

    /// One message after another, whoever asks.
    private func sendAll() async {
        guard !isSending else { return }
        isSending = true
        defer { isSending = false }
        while let message = unsent.first {
            do {
                if let why = try await counterpart.send(message) {
                    handle(.notSent(why))
                } else {
                    handle(.sent(message))
                }
            } catch {
                handle(.notSent("\(error)"))
            }
            // Only now: messages that are being handed over when everything is closed were not sent either.
            unsent.removeFirst()
        }
    }

    private func startCountdown(_ delay: Duration) {
        countdown?.cancel()
        let end = ContinuousClock.now + delay
        countdown = Task {
            while !Task.isCancelled {
                let rest = ContinuousClock.now.duration(to: end)
                self.handle(.countdown(rest))
                guard rest > .zero else { return }
                try? await Task.sleep(for: min(rest, .seconds(1)))
            }
        }
    }

    private func finish(_ status: EndStatus) {
        guard self.status == nil else { return }
        self.status = status
        countdown?.cancel()
        for task in tasks { task.cancel() }
        screen.close()
        waiter?.resume(returning: status)
    }
}

// MARK: - A person's input

extension Runner {
    /// Lets a person write lines until the terminal is gone.
    func edit(_ input: StandardInput) async {
        var editor = LineEditor()
        while let bytes = await input.next() {
            for action in editor.handle(bytes) {
                switch action {
                case .redraw: screen.show(editor)
                case .submit(let line):
                    if !line.isEmpty { screen.commit(line) }
                    screen.show(editor)
                    handle(.line(line))
                case .interrupt, .endOfInput: handle(.left)
                case .clearScreen: screen.clear()
                }
            }
        }
        handle(.inputEnded)
    }
}
