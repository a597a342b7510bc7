extension SocketService {
    /// Starts to connect.
    ///
    /// Returns once everything is checked that can be checked before connecting, unless told to wait. Does nothing while
    /// the service is running; after giving up it begins anew.
    ///
    /// - Parameter waitingForOpen: Returns only once a connection is open; while the service is paused meanwhile, that
    ///   takes until it is resumed.
    /// - Throws: `WebSocketError` for a URL or header that cannot be used; ``SocketServiceError`` with the code
    ///   ``SocketServiceError/Code/stopped`` for a service that was stopped, and, when waiting,
    ///   ``SocketServiceError/Code/gaveUp``; `CancellationError` when the waiting task is cancelled, which does not
    ///   stop the service.
    public func start(waitingForOpen: Bool = false) async throws {
        try await life.start(waitingForOpen: waitingForOpen)
    }

    /// Checks what can be checked before connecting.
    func validate() throws {
        try life.source.validate(with: life.transport)
    }

    /// Connects now instead of after the wait: for when the app knows that the network is back.
    ///
    /// Also begins anew after giving up, and gets past a closure of the app's that an attempt is waiting for, unless it is that
    /// closure which calls. Does nothing in other states.
    public func reconnectNow() {
        life.reconnectNow()
    }

    /// Closes the connection and makes no other until ``resume()``. Messages sent meanwhile are queued.
    ///
    /// Returns once the connection is closed. An `onOpen` handler that calls it is not cancelled by that.
    public func pause(code: CloseCode = .normalClosure, reason: String = "") async {
        await life.pause(code: code, reason: reason)
    }

    /// Connects again after ``pause(code:reason:)``.
    public func resume() {
        life.resume()
    }

    /// Ends the service for good, from any state, without waiting for a delay or an attempt under way.
    ///
    /// An open connection is closed with a close handshake; where the peer does not answer it, it is aborted after
    /// ``Options/closeTimeout``. A handler that is running is cancelled and awaited for as long; no other handler runs but
    /// `onClose`. Called by a handler, `stop` neither cancels that handler nor waits for it, also where it is an `onOpen`
    /// whose connection ends by that. Called by a task that a handler started, it is a call like any other. Every call that
    /// waits for something of the service ends.
    ///
    /// - Returns: The messages that were queued and never sent, to the first caller.
    @discardableResult
    public func stop(code: CloseCode = .normalClosure, reason: String = "") async -> [WebSocketMessage] {
        await life.stop(code: code, reason: reason, reportsUnsent: false)
    }
}
