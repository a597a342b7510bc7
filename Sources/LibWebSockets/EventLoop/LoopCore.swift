internal import CLibwebsockets
internal import DequeModule
internal import WebSocketProtocol
internal import LibC

/// The belongings of the loop's thread: the libwebsockets context, its vhosts and sockets, and the deadlines.
///
/// Not `Sendable`: work posted to the loop gets it as an argument, and nothing else reaches it. ``preconditionOnLoop()``
/// stands in front of every call into libwebsockets.
@safe final class LoopCore {
    /// The amount of work for which the storage stays between two turns: some 100 KiB. A burst may have needed a thousand
    /// times that.
    private static let mostWorkKept = 4_096
    /// The most bytes read at once. The messages of a read are in memory of this size, which malloc(3) keeps for the next
    /// one: much larger memory it gives back to the system each time, and a new page costs more than its messages.
    static let readSize = 32 << 10
    /// The most bytes of TLS records read at once.
    static let encryptedReadSize = 64 << 10

    let backend: any LoopBackend
    private let mailbox: Mailbox
    private let thread: pthread_t
    /// libwebsockets polls no descriptor of this number or above.
    let descriptorTableSize: CInt
    private var timers = LoopTimers()
    /// The next deadline may be another one than the alarm is set for.
    private var hasNewDeadline = false
    /// The backend's alarm was set; when it has gone off, it is not any more.
    private var wantsAlarm = false
    private var postedWork: [LoopWork] = []
    private var sockets: [ObjectIdentifier: LoopSocket] = [:]
    /// Sockets that libwebsockets has refused since the last turn began.
    private var refusedSockets: [LoopSocket] = []
    /// Sockets with something to do in this turn.
    private var busySockets: [LoopSocket] = []
    /// Those whose turn comes after all others', as many as there is time for.
    private var costlySockets: Deque<LoopSocket> = []
    private var closingSockets: [LoopSocket] = []
    /// Pipes that libwebsockets has given up and that are not over; kept here until they are.
    private var forsakenSockets: [ObjectIdentifier: LoopSocket] = [:]
    var vhost: OpaquePointer?
    private(set) var isShuttingDown = false
    /// Connection attempts under way, and listeners whose socket is not gone yet.
    private(set) var residents: [ObjectIdentifier: any LoopResident] = [:]

    /// Bytes from the network pass through here on their way into messages.
    let scratch: UnsafeMutableRawBufferPointer
    /// TLS records pass through here on their way into ``scratch``.
    let encryptedScratch: UnsafeMutableRawBufferPointer
    /// TLS records pass through here on their way to the network; empty whenever no connection is being served.
    let encryptedOutput = FrameBuffer()

    /// Creates the context. Runs on the loop's thread.
    init(mailbox: Mailbox, backend kind: SocketLoop.Backend) throws(WebSocketError) {
        var info = unsafe lws_context_creation_info()
        unsafe info.port = CONTEXT_PORT_NO_LISTEN
        unsafe info.options = UInt64(LWS_SERVER_OPTION_EXPLICIT_VHOSTS)
        unsafe info.timeout_secs = Self.neverSeconds
        // An all-zero policy: libwebsockets never pings and never hangs up by itself. The context keeps the pointer.
        unsafe info.retry_and_idle_policy = UnsafePointer(LoopCallback.noRetryPolicy)
        unsafe info.system_ops = UnsafePointer(LoopCallback.systemOperations)
        (backend, descriptorTableSize) = try LibraryStartup.create { () throws(WebSocketError) in
            try DescriptorTable.sized { () throws(WebSocketError) in
                (try unsafe kind.make(info), DescriptorTable.currentSize)
            }
        }
        thread = pthread_self()
        self.mailbox = mailbox
        unsafe scratch = .allocate(byteCount: Self.readSize, alignment: 16)
        unsafe encryptedScratch = .allocate(byteCount: Self.encryptedReadSize, alignment: 16)
    }

    deinit {
        unsafe scratch.deallocate()
        unsafe encryptedScratch.deallocate()
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
            // Those that libwebsockets has refused before this turn.
            let refusedCount = refusedSockets.count
            let isBusy = !busySockets.isEmpty || !costlySockets.isEmpty
            isAlive = backend.turn(isWorkWaiting: isBusy || !mailbox.beginWaiting())
            if refusedCount > 0 {
                forget(Array(refusedSockets[..<refusedCount]))
                refusedSockets.removeFirst(refusedCount)
            }
            runPostedWork()
            serviceSockets()
            // After what has arrived was read: a deadline is judged by that.
            runDueTimers()
            goOn()
            serviceCostlySockets()
            closeSockets()
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

    /// Runs the work that a turn has led to, such as that of a task that prefers this loop, takes a message and answers it:
    /// each of these steps would cost another look for events. Bounded, because it comes before the events.
    private func goOn() {
        for _ in 0..<4 {
            let firstNew = busySockets.count
            guard runPostedWork() else { return }
            serviceSockets(from: firstNew)
        }
    }

    /// Returns whether there was any.
    @discardableResult
    private func runPostedWork() -> Bool {
        guard mailbox.take(into: &postedWork) else { return false }
        for work in postedWork {
            perform(work)
        }
        // The work holds connections, and these the loop, which would live on until the next work comes.
        if postedWork.capacity <= Self.mostWorkKept { postedWork.removeLast(postedWork.count) } else { postedWork = [] }
        return true
    }

    private func perform(_ work: LoopWork) {
        switch work {
        case .run(let body): body(self)
        case .output(let output): output.serviceOutput()
        case .job(let job, let executor): unsafe job.runSynchronously(on: executor)
        }
    }

    private func end() {
        isShuttingDown = true
        for work in mailbox.close() {
            perform(work)
        }
        for resident in residents.values {
            resident.loopEnds()
        }
        for socket in Array(sockets.values) + Array(forsakenSockets.values) {
            socket.loopEnds()
        }
        backend.destroy()
        // Those that libwebsockets has not destroyed.
        forget(Array(sockets.values))
        refusedSockets.removeAll()
        residents.removeAll()
        forsakenSockets.removeAll()
        busySockets.removeAll()
        costlySockets.removeAll()
        closingSockets.removeAll()
        timers = LoopTimers()
    }

    // MARK: - Deadlines

    func schedule(after delay: Duration, _ action: @escaping () -> Void) -> LoopTimers.ID {
        hasNewDeadline = true
        return timers.schedule(at: .now + delay.bounded, action)
    }

    func cancel(_ id: LoopTimers.ID) {
        hasNewDeadline = true
        timers.cancel(id)
    }

    /// The alarm has gone off. It goes by another clock than the deadlines, and may be too early by theirs.
    private var hasAlarmGoneOff: Bool { wantsAlarm && !backend.isAlarmSet }

    private func runDueTimers() {
        guard wantsAlarm else { return }
        // Due timers run even before the alarm has gone off: after the machine has slept, the alarm is late by the time of
        // the sleep.
        let now = ContinuousClock.now
        while let action = timers.popDue(at: now) {
            hasNewDeadline = true
            action()
        }
    }

    private func setAlarm() {
        guard hasNewDeadline || hasAlarmGoneOff else { return }
        hasNewDeadline = false
        let deadline = timers.nextDeadline()
        wantsAlarm = deadline != nil
        backend.setAlarm(after: deadline.map { ContinuousClock.now.duration(to: $0) })
    }

    // MARK: - Residents and sockets

    func keep(_ resident: some LoopResident) {
        residents[ObjectIdentifier(resident)] = resident
    }

    func letGo(of resident: some LoopResident) {
        residents[ObjectIdentifier(resident)] = nil
    }

    /// Keeps `socket` alive until libwebsockets forgets it: its `opaque_user_data` points at it.
    func retain(_ socket: LoopSocket) {
        sockets[ObjectIdentifier(socket)] = socket
    }

    func release(_ socket: LoopSocket) {
        sockets[ObjectIdentifier(socket)] = nil
    }

    /// Keeps a pipe that libwebsockets has given up; see ``BytePipe``.
    func keepForsaken(_ socket: LoopSocket) {
        forsakenSockets[ObjectIdentifier(socket)] = socket
    }

    func releaseForsaken(_ socket: LoopSocket) {
        forsakenSockets[ObjectIdentifier(socket)] = nil
    }

    /// See ``LoopSocket/serviceAfterTurn()``.
    func serviceAfterTurn(_ socket: LoopSocket) {
        if socket.isCostly { costlySockets.append(socket) } else { busySockets.append(socket) }
    }

    /// See ``LoopSocket/close()``.
    func closeAfterTurn(_ socket: LoopSocket) {
        closingSockets.append(socket)
    }

    /// Serves the sockets from this one on. Work added meanwhile waits for the next turn, so that other sockets are served
    /// first.
    private func serviceSockets(from first: Int = 0) {
        guard busySockets.count > first else { return }
        // Sockets added meanwhile stand behind these.
        let end = busySockets.count
        for index in first..<end { busySockets[index].performService() }
        busySockets.removeSubrange(first..<end)
    }

    /// A wave of clients, or of reconnecting services, must not keep the open connections.
    private func serviceCostlySockets() {
        guard !costlySockets.isEmpty else { return }
        let start = ContinuousClock.now
        for _ in 0..<costlySockets.count {
            guard let socket = costlySockets.popFirst() else { return }
            socket.performService()
            if start.duration(to: .now) > Self.costlyTime { return }
        }
    }

    private static let costlyTime = Duration.milliseconds(2)

    private func closeSockets() {
        while let socket = closingSockets.popLast() {
            socket.performClose()
        }
    }

    /// Lets go of a socket that libwebsockets has refused, which it may have to destroy all the same: in the next turn,
    /// where libuv has to close a handle first.
    func releaseRefused(_ socket: LoopSocket) {
        refusedSockets.append(socket)
    }

    private func forget(_ refused: [LoopSocket]) {
        for socket in refused where sockets.removeValue(forKey: ObjectIdentifier(socket)) != nil {
            unsafe socket.wsi = nil
            socket.destroyed()
        }
    }
}

/// Carries the context's address to the threads that wake the loop.
///
/// `@unchecked Sendable`: `lws_cancel_service` is documented to be callable from any thread while the context exists, and
/// the mailbox calls ``wake()`` only under the lock that closing it takes before the context is destroyed.
@safe private struct WakeTarget: @unchecked Sendable {
    let context: OpaquePointer

    func wake() {
        unsafe lws_cancel_service(context)
    }
}
