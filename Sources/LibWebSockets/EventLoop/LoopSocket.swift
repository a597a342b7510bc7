internal import CLibwebsockets
internal import LibC

/// A socket of the loop: what `opaque_user_data` of libwebsockets' `struct lws` points at.
///
/// Lives on the loop's thread. The core keeps it from the moment libwebsockets knows it until `WSI_DESTROY`, the last
/// that libwebsockets says about a socket.
@safe class LoopSocket {
    let core: LoopCore
    /// libwebsockets' handle; `nil` before it exists and after libwebsockets destroyed it.
    final var wsi: OpaquePointer?
    private final var isServicedAfterTurn = false
    private final var isClosing = false

    init(core: LoopCore) {
        self.core = core
    }

    /// Handles what libwebsockets reports. Returns false to make it close the connection.
    func handle(_ event: LoopSocketEvent) -> Bool {
        true
    }

    /// The loop ends: the socket will be destroyed, report that to those who wait.
    func loopEnds() {}

    /// libwebsockets has forgotten the socket.
    func destroyed() {}

    /// Does what was put off with ``serviceAfterTurn()``.
    func service() {}

    /// Puts something off until libwebsockets has returned to the loop, in this very turn: nothing of it runs then, so
    /// sockets may be closed, and reads and writes of one turn are gathered.
    final func serviceAfterTurn() {
        core.preconditionOnLoop()
        guard !isServicedAfterTurn else { return }
        isServicedAfterTurn = true
        core.serviceAfterTurn(self)
    }

    /// One call of ``service()`` may take as long as a handshake of TLS: such sockets wait for all others.
    var isCostly: Bool { false }

    /// The core's call of ``service()``.
    final func performService() {
        isServicedAfterTurn = false
        service()
    }

    /// libwebsockets' descriptor, while there is one.
    final var descriptor: CInt? {
        guard let wsi = unsafe wsi, case let descriptor = unsafe lws_get_socket_fd(wsi), descriptor >= 0 else {
            return nil
        }
        return descriptor
    }

    /// Makes libwebsockets close the descriptor after the turn: a callback of this socket may be under way.
    final func close() {
        core.preconditionOnLoop()
        guard unsafe wsi != nil, !isClosing else { return }
        isClosing = true
        core.closeAfterTurn(self)
    }

    /// The core's call that closes, when no callback is under way.
    final func performClose() {
        guard let wsi = unsafe wsi else { return }
        // Any reason but NO_PENDING_TIMEOUT; KILL_SYNC takes the place of the seconds (lws-timeout-timer.h).
        unsafe lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC)
    }

    /// Starts or stops listening for ``LoopSocketEvent/readable``.
    final func setPollingForInput(_ isPolling: Bool) {
        core.preconditionOnLoop()
        guard let wsi = unsafe wsi else { return }
        unsafe lws_rx_flow_control(wsi, isPolling ? 1 : 0)
    }

    /// Asks for one ``LoopSocketEvent/writable``. Not inside of one: the raw-file role forgets it after the callback.
    final func pollForOutput() {
        core.preconditionOnLoop()
        guard let wsi = unsafe wsi else { return }
        unsafe lws_callback_on_writable(wsi)
    }
}
