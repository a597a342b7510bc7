internal import Synchronization
internal import CLibuv
internal import CLibwebsockets
internal import LibC

/// libwebsockets' libuv plugin on a loop of ours: the cost does not grow with the number of sockets.
///
/// The loop has to be foreign to libwebsockets. On one of its own, `lws_service` does not return, and it installs handlers
/// for SIGINT, SIGTERM, SIGSEGV and SIGFPE.
@safe final class LibuvBackend: LoopBackend {
    /// The memory whose addresses libuv and libwebsockets keep.
    @safe private final class Memory {
        let loop: UnsafeMutablePointer<uv_loop_t>
        let alarm: UnsafeMutablePointer<uv_timer_t>
        /// Ends each turn after its one wait.
        let turnEnd: UnsafeMutablePointer<uv_check_t>
        /// libwebsockets sets this to NULL when it has freed the context.
        let context: UnsafeMutablePointer<OpaquePointer?>

        init() {
            unsafe loop = .allocate(capacity: 1)
            unsafe alarm = .allocate(capacity: 1)
            unsafe turnEnd = .allocate(capacity: 1)
            unsafe context = .allocate(capacity: 1)
            unsafe context.initialize(to: nil)
        }

        deinit {
            unsafe loop.deallocate()
            unsafe alarm.deallocate()
            unsafe turnEnd.deallocate()
            unsafe context.deallocate()
        }
    }

    private let memory: Memory
    let context: OpaquePointer
    /// libuv's handle for the descriptor by which libwebsockets wakes the loop, while it is open.
    private var wakeHandle: UnsafeMutablePointer<uv_handle_t>?
    private var placeholder: DescriptorPlaceholder?
    /// The end of the wake-up descriptor, held back while it would close somebody else's.
    private var lastClosing: uv_close_cb?

    /// Fails as refused where the plugin is not installed (Debian: libwebsockets-evlib-uv).
    ///
    /// Ask ``DescriptorReserve`` before: libuv's first loop aborts the process when it gets no descriptors.
    init(info: lws_context_creation_info) throws(LoopBackendFailure) {
        Self.finishUnfinished()
        let memory = Memory()
        let code = unsafe uv_loop_init(memory.loop)
        guard code == 0 else { throw .shortage(-code) }
        unsafe uv_timer_init(memory.loop, memory.alarm)
        Self.endTurns(of: memory)
        self.memory = memory
        do throws(LoopBackendFailure) {
            // Before the context, because it is needed to end one.
            placeholder = DescriptorPlaceholder(reservedWith: unsafe uv_backend_fd(memory.loop))
            guard placeholder != nil else { throw .shortage(errno) }
            unsafe context = try unsafe Self.makeContext(info, memory)
        } catch {
            Self.closeLoop(memory)
            throw error
        }
        unsafe memory.context.pointee = context
        let wake = unsafe Self.findWakeHandle(on: memory.loop)
        unsafe wakeHandle = wake.handle
        guard unsafe wake.handle != nil else {
            // Without a descriptor for it, libwebsockets makes a context all the same, which nobody could wake.
            destroy()
            throw .shortage(EMFILE)
        }
        guard placeholder?.watch(unsafe wake.descriptor) ?? false else {
            let code = errno
            destroy()
            throw .shortage(code)
        }
    }

    private static func makeContext(
        _ info: lws_context_creation_info, _ memory: Memory
    ) throws(LoopBackendFailure) -> OpaquePointer {
        var info = unsafe info
        unsafe info.options |= UInt64(LWS_SERVER_OPTION_LIBUV)
        unsafe info.pcontext = memory.context
        var loops: UnsafeMutableRawPointer? = unsafe UnsafeMutableRawPointer(memory.loop)
        return try unsafe withUnsafeMutablePointer(to: &loops) { loops throws(LoopBackendFailure) in
            unsafe info.foreign_loops = loops
            return try unsafe LoopBackendFailure.createContext(&info)
        }
    }

    /// Finds what a fresh context polls: its wake-up descriptor and, from 4.3 on, a netlink socket.
    private static func findWakeHandle(
        on loop: UnsafeMutablePointer<uv_loop_t>
    ) -> (handle: UnsafeMutablePointer<uv_handle_t>?, descriptor: CInt) {
        var found: (handle: UnsafeMutablePointer<uv_handle_t>?, descriptor: CInt) = (nil, -1)
        unsafe withUnsafeMutablePointer(to: &found) { found in
            unsafe uv_walk(
                loop,
                { handle, found in
                    var descriptor: CInt = -1
                    guard let handle = unsafe handle, unsafe handle.pointee.type == UV_POLL,
                        unsafe uv_fileno(handle, &descriptor) == 0, !LibuvBackend.isSocket(descriptor)
                    else { return }
                    unsafe found?.assumingMemoryBound(
                        to: (handle: UnsafeMutablePointer<uv_handle_t>?, descriptor: CInt).self
                    ).pointee = (handle, descriptor)
                }, found)
        }
        return unsafe found
    }

    private static func isSocket(_ descriptor: CInt) -> Bool {
        var status = stat()
        return unsafe fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
    }

    func turn(isWorkWaiting: Bool) -> Bool {
        // UV_RUN_ONCE would not wait after an event: libwebsockets' idle handle, which each event starts and the next turn
        // stops, counts as work there. In the default mode it does not, and we end the turn.
        _ = unsafe uv_run(memory.loop, isWorkWaiting ? UV_RUN_NOWAIT : UV_RUN_DEFAULT)
        return unsafe memory.context.pointee != nil
    }

    /// Makes `uv_run` return after each wait, as a handle that does not keep the loop alive.
    private static func endTurns(of memory: Memory) {
        let end: uv_check_cb = { check in
            guard let check = unsafe check else { return }
            unsafe uv_stop(check.pointee.loop)
        }
        unsafe uv_check_init(memory.loop, memory.turnEnd)
        unsafe uv_check_start(memory.turnEnd, end)
        unsafe memory.turnEnd.withMemoryRebound(to: uv_handle_t.self, capacity: 1) { unsafe uv_unref($0) }
    }

    func setAlarm(after delay: Duration?) {
        if let delay {
            unsafe uv_update_time(memory.loop)
            // libuv runs timers before it waits, too, and then waits for whatever comes next: only this makes it return now.
            let goOff: uv_timer_cb = { alarm in
                guard let alarm = unsafe alarm else { return }
                unsafe uv_stop(alarm.pointee.loop)
            }
            unsafe uv_timer_start(memory.alarm, goOff, UInt64((delay.wholeMicroseconds + 999) / 1000), 0)
        } else {
            unsafe uv_timer_stop(memory.alarm)
        }
    }

    var isAlarmSet: Bool {
        unsafe memory.alarm.withMemoryRebound(to: uv_handle_t.self, capacity: 1) { unsafe uv_is_active($0) != 0 }
    }

    // MARK: - The end

    func destroy() {
        unsafe uv_timer_stop(memory.alarm)
        // The first call begins to close sockets and handles, which the loop has to let go before the second frees them.
        unsafe lws_context_destroy(context)
        if let wakeHandle = unsafe wakeHandle, !(placeholder?.occupy() ?? true) {
            // 4.1 has closed the wake-up descriptor, and would close what another thread has opened under its number. All
            // else is closed meanwhile.
            unsafe lastClosing = wakeHandle.pointee.close_cb
            unsafe wakeHandle.pointee.close_cb = nil
            pump(turns: 100)
            // Most are open for a moment only, such as those of a name lookup.
            for _ in 0..<200 where !finish() { usleep(1_000) }
            if unsafe lastClosing != nil { Self.unfinished.withLock { $0.append(Unfinished(backend: self)) } }
            return
        }
        finishClosing()
    }

    /// Ends what ``destroy()`` has left; false when it has to wait for another time.
    private func finish() -> Bool {
        guard let lastClosing = unsafe lastClosing else { return true }
        guard placeholder?.occupy() ?? false else { return false }
        unsafe self.lastClosing = nil
        unsafe lastClosing(wakeHandle)
        finishClosing()
        return true
    }

    private func finishClosing() {
        unsafe wakeHandle = nil
        pump()
        if unsafe memory.context.pointee != nil {
            unsafe lws_context_destroy(context)
            pump()
        }
        placeholder = nil
        Self.closeLoop(memory)
    }

    /// Bounded, although each turn takes a handle further: the end must not hang on a bug in somebody's library.
    private func pump(turns: Int = 10_000) {
        for _ in 0..<turns where unsafe uv_run(memory.loop, UV_RUN_NOWAIT) == 0 { return }
    }

    private static func closeLoop(_ memory: Memory) {
        unsafe memory.alarm.withMemoryRebound(to: uv_handle_t.self, capacity: 1) { unsafe uv_close($0, nil) }
        unsafe memory.turnEnd.withMemoryRebound(to: uv_handle_t.self, capacity: 1) { unsafe uv_close($0, nil) }
        _ = unsafe uv_run(memory.loop, UV_RUN_DEFAULT)
        _ = unsafe uv_loop_close(memory.loop)
    }

    // MARK: - What had to wait

    /// A backend whose thread has ended.
    ///
    /// `@unchecked Sendable`: the thread that takes it out of ``unfinished`` is the only one that has it.
    private struct Unfinished: @unchecked Sendable {
        let backend: LibuvBackend
    }

    private static let unfinished = Lock<[Unfinished]>([])

    /// Frees contexts that could not be freed when their loop ended: each loop that begins looks for them.
    private static func finishUnfinished() {
        let taken = unfinished.withLock { unfinished in
            defer { unfinished = [] }
            return unfinished
        }
        let left = taken.filter { !$0.backend.finish() }
        if !left.isEmpty { unfinished.withLock { $0 += left } }
    }

    /// The number of them that wait.
    static var unfinishedCount: Int { unfinished.withLock { $0.count } }
}
