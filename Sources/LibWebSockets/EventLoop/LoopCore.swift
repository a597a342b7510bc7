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

    private let backend: any LoopBackend
    private let mailbox: Mailbox
    private let thread: pthread_t
    private var timers = TimerQueue<ContinuousClock.Instant>()
    /// The deadline for which the backend's alarm is set.
    private var alarmDeadline: ContinuousClock.Instant?
    private var batch: [LoopWork] = []
    private var sockets: [ObjectIdentifier: LoopSocket] = [:]
    /// Sockets that libwebsockets has refused since the last turn began.
    private var refusedSockets: [LoopSocket] = []
    /// Sockets with something to do that libwebsockets would not come back to by itself.
    private var leftovers: [LoopSocket] = []
    private var clientVhosts: [ClientVhost.Key: ClientVhost] = [:]
    private(set) var isShuttingDown = false
    /// Connection attempts under way; kept here until they have completed.
    var attempts: Set<ConnectAttempt> = []
    /// Listeners that are open; kept here until their vhost is gone.
    var listeners: Set<ServerListener> = []
    private var unusedVhosts: [OpaquePointer] = unsafe []

    /// Bytes from the network pass through here on their way into messages.
    let scratch: UnsafeMutableRawBufferPointer

    @safe private struct ClientVhost {
        struct Key: Hashable {
            let tls: ObjectIdentifier?
            let proxy: String?
        }

        let pointer: OpaquePointer
        /// The vhost borrows its `SSL_CTX`, which must outlive it.
        let tls: TLSClientContext?
    }

    /// Creates the context. Runs on the loop's thread.
    init(mailbox: Mailbox, backend kind: EventLoop.Backend) throws(WebSocketError) {
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
        backend = try Libwebsockets.create { () throws(WebSocketError) in
            try DescriptorTable.sized { () throws(WebSocketError) in try unsafe kind.make(info) }
        }
        thread = pthread_self()
        self.mailbox = mailbox
        unsafe scratch = .allocate(byteCount: Self.serviceBufferSize, alignment: 16)
    }

    deinit {
        unsafe scratch.deallocate()
    }

    // MARK: - The loop

    /// Services the context until ``shutDown()``; the body of the loop's thread.
    func run() {
        // `lws_cancel_service` is the only function of libwebsockets that other threads may call.
        let context = unsafe WakeTarget(context: backend.context)
        mailbox.open { context.wake() }
        var isAlive = true
        while isAlive, !isShuttingDown {
            setAlarm()
            let refused = refusedSockets
            refusedSockets = []
            isAlive = backend.turn(isWorkWaiting: mailbox.hasWork || !leftovers.isEmpty)
            serviceLeftovers()
            forget(refused)
            runPostedWork()
            runDueTimers()
            destroyUnusedVhosts()
        }
        end()
    }

    /// Makes the loop end after its current turn.
    func shutDown() {
        preconditionOnLoop()
        isShuttingDown = true
    }

    func preconditionOnLoop() {
        precondition(
            pthread_equal(thread, pthread_self()) != 0,
            "libwebsockets may be called on the loop's thread only")
    }

    private func runPostedWork() {
        mailbox.take(into: &batch)
        for work in batch {
            perform(work)
        }
        // The work holds connections, and these the loop, which would live on until the next work comes.
        batch.removeAll(keepingCapacity: true)
    }

    private func perform(_ work: LoopWork) {
        switch work {
        case .run(let body): body(self)
        case .job(let job, let executor): unsafe job.runSynchronously(on: executor)
        }
    }

    private func end() {
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
        backend.destroy()
        // Those that libwebsockets has not destroyed.
        forget(Array(sockets.values))
        listeners.removeAll()
        clientVhosts.removeAll()
        leftovers.removeAll()
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

    private func setAlarm() {
        let deadline = timers.nextDeadline()
        // The alarm goes by another clock than the deadlines, and may have gone off too early by theirs.
        guard deadline != alarmDeadline || backend.isAlarmSet != (deadline != nil) else { return }
        alarmDeadline = deadline
        backend.setAlarm(after: deadline.map { ContinuousClock.now.duration(to: $0) })
    }

    // MARK: - Sockets and vhosts

    /// Keeps `socket` alive until libwebsockets forgets it: its `opaque_user_data` points at it.
    func retain(_ socket: LoopSocket) {
        sockets[ObjectIdentifier(socket)] = socket
    }

    func release(_ socket: LoopSocket) {
        sockets[ObjectIdentifier(socket)] = nil
    }

    /// See ``LoopSocket/noticeLeftovers()``.
    func serviceAfterTurn(_ socket: LoopSocket) {
        leftovers.append(socket)
    }

    /// What these leave in turn is for after the next turn, in which other sockets are served.
    private func serviceLeftovers() {
        guard !leftovers.isEmpty else { return }
        let sockets = leftovers
        leftovers = []
        for socket in sockets { socket.serviceLeftovers() }
    }

    /// Lets go of a socket that libwebsockets has refused, which it may have to destroy all the same: where libuv has to
    /// close a handle first, that comes in the next turn.
    func releaseRefused(_ socket: LoopSocket) {
        refusedSockets.append(socket)
    }

    private func forget(_ refused: [LoopSocket]) {
        for socket in refused where sockets.removeValue(forKey: ObjectIdentifier(socket)) != nil {
            unsafe socket.wsi = nil
            socket.destroyed()
        }
    }

    /// The vhost for connections with this TLS identity, or plain ones, through this proxy (`user:password@address:port`)
    /// or none. Made once and kept: 4.1 cannot destroy a vhost safely while a socket is bound to it.
    func clientVhost(tls: TLSClientContext?, proxy: String?) throws(WebSocketError) -> OpaquePointer {
        preconditionOnLoop()
        let key = ClientVhost.Key(tls: tls.map { ObjectIdentifier($0) }, proxy: proxy)
        if let vhost = clientVhosts[key] { return unsafe vhost.pointer }
        var info = unsafe lws_context_creation_info()
        unsafe info.port = CONTEXT_PORT_NO_LISTEN
        unsafe info.protocols = UnsafePointer(LoopProtocol.protocols)
        unsafe info.vhost_name = LoopProtocol.clientVhostName
        // Without an address of our own, libwebsockets silently obeys the environment's `http_proxy`.
        unsafe info.http_proxy_address = LoopProtocol.emptyString
        if let tls {
            unsafe info.options =
                UInt64(LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT) | clws_option_disable_tls_session_cache
            unsafe info.provided_client_ssl_ctx = tls.sslContext
        }
        let pointer = try unsafe withProxy(proxy, &info) { info throws(WebSocketError) in
            try unsafe createVhost(&info)
        }
        unsafe clientVhosts[key] = ClientVhost(pointer: pointer, tls: tls)
        return unsafe pointer
    }

    /// libwebsockets copies the proxy's address while it makes the vhost.
    private func withProxy(
        _ proxy: String?, _ info: inout lws_context_creation_info,
        _ body: (inout lws_context_creation_info) throws(WebSocketError) -> OpaquePointer
    ) throws(WebSocketError) -> OpaquePointer {
        guard let proxy else { return try unsafe body(&info) }
        let copy = unsafe strdup(proxy)
        defer { unsafe free(copy) }
        unsafe info.http_proxy_address = UnsafePointer(copy)
        return try unsafe body(&info)
    }

    func createVhost(_ info: inout lws_context_creation_info) throws(WebSocketError) -> OpaquePointer {
        preconditionOnLoop()
        errno = 0
        guard let vhost = unsafe lws_create_vhost(backend.context, &info) else {
            let code = errno
            if WebSocketError.isShortage(code) {
                throw .resourceUnavailable(
                    code, stage: .configuration, for: "libwebsockets could not prepare the connection (no vhost)")
            }
            throw WebSocketError(
                .libraryUnsuitable, stage: .configuration,
                message: "libwebsockets could not create a vhost; its log line says why")
        }
        return unsafe vhost
    }

    /// Timers that libwebsockets was told outside of its callbacks are looked at soon.
    func noticeTimers() {
        backend.noticeTimers()
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
        unsafe info.context = backend.context
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
