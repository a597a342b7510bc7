internal import CLibwebsockets
internal import Logging

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What belongs to the loop's thread: the libwebsockets context, its vhosts and sockets, and the deadlines.
///
/// Not `Sendable`: work posted to the loop gets it as an argument, and nothing else reaches it. ``preconditionOnLoop()``
/// stands in front of every call into libwebsockets.
@safe final class LoopCore {
    /// Enough for a full TLS record and for one large read; also the largest request and response head.
    static let serviceBufferSize = 128 << 10
    /// A response head larger than this fails the connection attempt.
    static let maximumResponseHeadSize = 32 << 10

    private let context: OpaquePointer
    private let mailbox: Mailbox
    private var thread: pthread_t?
    private var timers = TimerQueue<ContinuousClock.Instant>()
    /// The deadline for which libwebsockets' own timer is armed.
    private var armedDeadline: ContinuousClock.Instant?
    /// libwebsockets keeps the address of an armed timer, so it lives outside of Swift's storage.
    private let alarm: UnsafeMutablePointer<Alarm>
    private var batch: [LoopWork] = []
    private var sockets: [ObjectIdentifier: LoopSocket] = [:]
    private var clientVhosts: [ObjectIdentifier?: ClientVhost] = [:]
    private(set) var isShuttingDown = false
    /// Connection attempts under way; kept here until they have completed.
    var attempts: Set<ConnectAttempt> = []
    /// Listeners that are open; kept here until their vhost is gone.
    var listeners: Set<ServerListener> = []
    private var unusedVhosts: [OpaquePointer] = unsafe []

    /// Bytes from the network pass through here on their way into messages.
    let scratch: UnsafeMutableRawBufferPointer

    /// libwebsockets' timer, and what its callback needs: it gets the address of the first member.
    @safe private struct Alarm {
        var timer: lws_sorted_usec_list_t
        let context: OpaquePointer
    }

    @safe private struct ClientVhost {
        let pointer: OpaquePointer
        /// The vhost borrows its `SSL_CTX`, which must outlive it.
        let tls: TLSClientContext?
    }

    /// Creates the context. Runs on the thread that starts the loop, before the loop's own thread exists.
    init(mailbox: Mailbox) throws(WebSocketError) {
        try Libwebsockets.readiness.get()
        var info = unsafe lws_context_creation_info()
        unsafe info.port = CONTEXT_PORT_NO_LISTEN
        unsafe info.options = UInt64(LWS_SERVER_OPTION_EXPLICIT_VHOSTS)
        unsafe info.pt_serv_buf_size = UInt32(Self.serviceBufferSize + clws_pre)
        unsafe info.max_http_header_data2 = UInt32(Self.maximumResponseHeadSize)
        // Every deadline is ours, in milliseconds: these whole-second ones only must never come first.
        unsafe info.timeout_secs = 86_400
        unsafe info.connect_timeout_secs = 86_400
        // An all-zero policy: libwebsockets never pings and never hangs up by itself. The context keeps the pointer.
        unsafe info.retry_and_idle_policy = UnsafePointer(LoopProtocol.noRetryPolicy)
        guard let context = unsafe lws_create_context(&info) else {
            throw WebSocketError(
                .libraryUnsuitable, stage: .configuration,
                message: """
                    libwebsockets could not create an event loop (is the limit on open files, `ulimit -n`, exhausted?); \
                    its log line says more
                    """)
        }
        unsafe self.context = context
        self.mailbox = mailbox
        unsafe alarm = .allocate(capacity: 1)
        unsafe alarm.initialize(to: Alarm(timer: lws_sorted_usec_list_t(), context: context))
        unsafe alarm.pointee.timer.cb = { timer in
            // libwebsockets runs its timers before it waits, and then waits for whatever comes next: only this makes it
            // return to the loop now.
            guard let timer = unsafe timer else { return }
            unsafe lws_cancel_service(UnsafeRawPointer(timer).assumingMemoryBound(to: Alarm.self).pointee.context)
        }
        unsafe scratch = .allocate(byteCount: Self.serviceBufferSize, alignment: 16)
    }

    deinit {
        unsafe alarm.deallocate()
        unsafe scratch.deallocate()
    }

    // MARK: - The loop

    /// Services the context until ``shutDown()``; the body of the loop's thread.
    func run() {
        thread = pthread_self()
        // `lws_cancel_service` is the only function of libwebsockets that other threads may call.
        let context = unsafe WakeTarget(context: self.context)
        mailbox.open { context.wake() }
        while !isShuttingDown {
            armAlarm()
            // 0 waits for the next event or timer.
            guard unsafe lws_service(self.context, 0) >= 0 else { break }
            runPostedWork()
            runDueTimers()
            destroyUnusedVhosts()
        }
        shutDownNow()
    }

    /// Makes the loop end after its current turn.
    func shutDown() {
        preconditionOnLoop()
        isShuttingDown = true
    }

    func preconditionOnLoop() {
        precondition(
            thread.map { pthread_equal($0, pthread_self()) != 0 } ?? false,
            "libwebsockets may be called on the loop's thread only")
    }

    private func runPostedWork() {
        mailbox.take(into: &batch)
        for work in batch {
            perform(work)
        }
    }

    private func perform(_ work: LoopWork) {
        switch work {
        case .run(let body): body(self)
        case .job(let job, let executor): unsafe job.runSynchronously(on: executor)
        }
    }

    private func shutDownNow() {
        isShuttingDown = true
        for work in mailbox.close() {
            perform(work)
        }
        for attempt in attempts {
            attempt.loopEnds()
        }
        for socket in sockets.values {
            socket.loopEnds()
        }
        // Closes every socket, with its callbacks, and frees the vhosts.
        unsafe lws_context_destroy(context)
        sockets.removeAll()
        listeners.removeAll()
        clientVhosts.removeAll()
        timers = TimerQueue()
    }

    // MARK: - Deadlines

    func schedule(after delay: Duration, _ action: @escaping () -> Void) -> TimerQueue<ContinuousClock.Instant>.ID {
        timers.schedule(at: .now + delay, action)
    }

    func cancel(_ id: TimerQueue<ContinuousClock.Instant>.ID) {
        timers.cancel(id)
    }

    private func runDueTimers() {
        guard !timers.isEmpty else { return }
        let now = ContinuousClock.now
        while let action = timers.popDue(at: now) {
            action()
        }
    }

    private func armAlarm() {
        let deadline = timers.nextDeadline()
        let timer = unsafe UnsafeMutableRawPointer(alarm).assumingMemoryBound(to: lws_sorted_usec_list_t.self)
        // libwebsockets detaches a timer when it fires, which may be a little early by our clock.
        let isArmed = unsafe timer.pointee.list.owner != nil
        guard deadline != armedDeadline || isArmed != (deadline != nil) else { return }
        armedDeadline = deadline
        guard let deadline else {
            unsafe clws_sul_cancel(context, timer)
            return
        }
        let (seconds, attoseconds) = (deadline - ContinuousClock.now).components
        // A century is as good as never, and keeps the arithmetic away from its limits.
        let microseconds = min(seconds, 3_155_760_000) * 1_000_000 + attoseconds / 1_000_000_000_000
        unsafe lws_sul_schedule(context, 0, timer, timer.pointee.cb, max(1, microseconds))
    }

    // MARK: - Sockets and vhosts

    /// Keeps `socket` alive until libwebsockets forgets it: its `opaque_user_data` points at it.
    func retain(_ socket: LoopSocket) {
        sockets[ObjectIdentifier(socket)] = socket
    }

    func release(_ socket: LoopSocket) {
        sockets[ObjectIdentifier(socket)] = nil
    }

    /// The vhost for connections with this TLS identity, or for plain ones. Made once and kept: 4.1 cannot destroy a
    /// vhost safely while a socket is bound to it.
    func clientVhost(for tls: TLSClientContext?) throws(WebSocketError) -> OpaquePointer {
        preconditionOnLoop()
        let key = tls.map { ObjectIdentifier($0) }
        if let vhost = clientVhosts[key] { return unsafe vhost.pointer }
        var info = unsafe lws_context_creation_info()
        unsafe info.port = CONTEXT_PORT_NO_LISTEN
        unsafe info.protocols = UnsafePointer(LoopProtocol.protocols)
        unsafe info.vhost_name = LoopProtocol.clientVhostName
        // Without an address of our own, libwebsockets silently obeys the environment's `http_proxy`.
        unsafe info.http_proxy_address = LoopProtocol.emptyString
        if let tls {
            unsafe info.options = UInt64(LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT)
            unsafe info.provided_client_ssl_ctx = tls.sslContext
        }
        let pointer = try unsafe createVhost(&info)
        unsafe clientVhosts[key] = ClientVhost(pointer: pointer, tls: tls)
        return unsafe pointer
    }

    func createVhost(_ info: inout lws_context_creation_info) throws(WebSocketError) -> OpaquePointer {
        preconditionOnLoop()
        guard let vhost = unsafe lws_create_vhost(context, &info) else {
            throw WebSocketError(
                .libraryUnsuitable, stage: .configuration,
                message: "libwebsockets could not create a vhost; its log line says why")
        }
        return unsafe vhost
    }

    /// Destroys a vhost to which nothing is bound any more; after the turn, because a callback may be under way.
    func destroyAfterTurn(_ vhost: OpaquePointer) {
        unsafe unusedVhosts.append(vhost)
    }

    private func destroyUnusedVhosts() {
        while let vhost = unsafe unusedVhosts.popLast() {
            unsafe lws_vhost_destroy(vhost)
        }
    }

    /// Starts a connection with `info`, whose context this fills in. `nil` when libwebsockets refuses at once.
    func connect(_ info: inout lws_client_connect_info) -> OpaquePointer? {
        preconditionOnLoop()
        unsafe info.context = context
        return unsafe lws_client_connect_via_info(&info)
    }
}

/// Carries the context's address to the threads that wake the loop.
///
/// Sendable because `lws_cancel_service` is documented to be callable from any thread while the context exists, and the
/// mailbox calls ``wake()`` only under the lock that closing it takes before the context is destroyed.
@safe private struct WakeTarget: @unchecked Sendable {
    let context: OpaquePointer

    func wake() {
        unsafe lws_cancel_service(context)
    }
}
