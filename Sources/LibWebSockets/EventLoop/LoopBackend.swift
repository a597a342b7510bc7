internal import CLibuv
internal import CLibwebsockets
internal import Synchronization

/// What makes a libwebsockets context turn: waits for sockets, and for one alarm of ours.
///
/// On the loop's thread only, except for `init`, which runs before that thread exists.
protocol LoopBackend: AnyObject {
    var context: OpaquePointer { get }

    /// Waits for events or the alarm and handles them. With `isWorkWaiting` it handles what there is and does not wait.
    /// Returns false when the context is gone.
    func turn(isWorkWaiting: Bool) -> Bool

    /// Sets the one alarm, which only ends the wait; `nil` unsets it.
    func setAlarm(after delay: Duration?)

    /// Whether the alarm is set and has not gone off.
    var isAlarmSet: Bool { get }

    /// Makes libwebsockets look at its own timers soon, which were set outside of its callbacks.
    func noticeTimers()

    /// Closes every socket, with its callbacks, and frees the context. Returns false when it had to leave them as they are.
    func destroy() -> Bool
}

extension Duration {
    /// Rounded up, so that an alarm does not come early; a century is as good as never.
    fileprivate var wholeMicroseconds: Int64 {
        let (seconds, attoseconds) = components
        let microsecond: Int64 = 1_000_000_000_000
        return max(1, min(seconds, 3_155_760_000) * 1_000_000 + (attoseconds + microsecond - 1) / microsecond)
    }
}

/// libwebsockets' own `poll(2)` loop: its cost grows with the number of sockets, and it is always there.
@safe final class PollBackend: LoopBackend {
    /// libwebsockets' timer, and what its callback needs: it gets the address of the first member.
    @safe private struct Alarm {
        var timer: lws_sorted_usec_list_t
        let context: OpaquePointer
    }

    let context: OpaquePointer
    /// libwebsockets keeps the address of an armed timer, so it lives outside of Swift's storage.
    private let alarm: UnsafeMutablePointer<Alarm>

    init?(info: lws_context_creation_info) {
        var info = unsafe info
        guard let context = unsafe lws_create_context(&info) else { return nil }
        unsafe self.context = context
        unsafe alarm = .allocate(capacity: 1)
        unsafe alarm.initialize(to: Alarm(timer: lws_sorted_usec_list_t(), context: context))
        unsafe alarm.pointee.timer.cb = { timer in
            // libwebsockets runs its timers before it waits, and then waits for whatever comes next: only this makes it
            // return to the loop now.
            guard let timer = unsafe timer else { return }
            unsafe lws_cancel_service(UnsafeRawPointer(timer).assumingMemoryBound(to: Alarm.self).pointee.context)
        }
    }

    deinit {
        unsafe alarm.deallocate()
    }

    func turn(isWorkWaiting: Bool) -> Bool {
        // 0 waits for the next event or timer, a negative number does not wait.
        unsafe lws_service(context, isWorkWaiting ? -1 : 0) >= 0
    }

    func setAlarm(after delay: Duration?) {
        let timer = unsafe UnsafeMutableRawPointer(alarm).assumingMemoryBound(to: lws_sorted_usec_list_t.self)
        if let delay {
            unsafe lws_sul_schedule(context, 0, timer, timer.pointee.cb, delay.wholeMicroseconds)
        } else {
            unsafe clws_sul_cancel(context, timer)
        }
    }

    var isAlarmSet: Bool {
        unsafe alarm.pointee.timer.list.owner != nil
    }

    func noticeTimers() {
        // Each wait is for the earliest of them.
    }

    func destroy() -> Bool {
        unsafe lws_context_destroy(context)
        return true
    }
}

/// libwebsockets' libuv plugin on a loop of ours: the cost does not grow with the number of sockets.
///
/// The loop has to be foreign to libwebsockets. On one of its own, `lws_service` does not return, and it installs handlers
/// for SIGINT, SIGTERM, SIGSEGV and SIGFPE.
@safe final class LibuvBackend: LoopBackend {
    private let loop: UnsafeMutablePointer<uv_loop_t>
    private let alarm: UnsafeMutablePointer<uv_timer_t>
    /// libwebsockets sets this to NULL when it has freed the context.
    private let contextSlot: UnsafeMutablePointer<OpaquePointer?>
    let context: OpaquePointer
    /// The descriptor by which libwebsockets wakes the loop.
    private var wakeDescriptor: CInt = -1

    /// `nil` where the plugin is not installed (Debian: libwebsockets-evlib-uv).
    init?(info: lws_context_creation_info) {
        unsafe loop = .allocate(capacity: 1)
        unsafe alarm = .allocate(capacity: 1)
        unsafe contextSlot = .allocate(capacity: 1)
        unsafe contextSlot.initialize(to: nil)
        guard unsafe uv_loop_init(loop) == 0 else {
            unsafe context = OpaquePointer(bitPattern: 1)!
            return nil
        }
        unsafe uv_timer_init(loop, alarm)
        var info = unsafe info
        unsafe info.options |= UInt64(LWS_SERVER_OPTION_LIBUV)
        unsafe info.pcontext = contextSlot
        var loops: UnsafeMutableRawPointer? = unsafe UnsafeMutableRawPointer(loop)
        let created = unsafe withUnsafeMutablePointer(to: &loops) { loops in
            unsafe info.foreign_loops = loops
            return unsafe lws_create_context(&info)
        }
        guard let created = unsafe created else {
            unsafe context = OpaquePointer(bitPattern: 1)!
            unsafe Self.close(alarm, on: loop)
            return nil
        }
        unsafe context = created
        unsafe contextSlot.pointee = created
        // The only socket that a fresh context polls.
        unsafe uv_walk(
            loop,
            { handle, result in
                guard let handle = unsafe handle, unsafe handle.pointee.type == UV_POLL else { return }
                unsafe uv_fileno(handle, result?.assumingMemoryBound(to: CInt.self))
            }, &wakeDescriptor)
    }

    deinit {
        unsafe loop.deallocate()
        unsafe alarm.deallocate()
        unsafe contextSlot.deallocate()
    }

    func turn(isWorkWaiting: Bool) -> Bool {
        _ = unsafe uv_run(loop, isWorkWaiting ? UV_RUN_NOWAIT : UV_RUN_ONCE)
        return unsafe contextSlot.pointee != nil
    }

    func setAlarm(after delay: Duration?) {
        if let delay {
            unsafe uv_update_time(loop)
            // libuv runs timers before it waits, too, and then waits for whatever comes next: only this makes it return now.
            let goOff: uv_timer_cb = { alarm in
                guard let alarm = unsafe alarm else { return }
                unsafe uv_stop(alarm.pointee.loop)
            }
            unsafe uv_timer_start(alarm, goOff, UInt64((delay.wholeMicroseconds + 999) / 1000), 0)
        } else {
            unsafe uv_timer_stop(alarm)
        }
    }

    var isAlarmSet: Bool {
        unsafe alarm.withMemoryRebound(to: uv_handle_t.self, capacity: 1) { unsafe uv_is_active($0) != 0 }
    }

    func noticeTimers() {
        // The plugin arms its timer after an event only: make one.
        if unsafe contextSlot.pointee != nil { unsafe lws_cancel_service(context) }
    }

    func destroy() -> Bool {
        unsafe uv_timer_stop(alarm)
        let placeholder = DescriptorPlaceholder(for: wakeDescriptor)
        // The first call begins to close sockets and handles, which the loop has to let go before the second frees them.
        unsafe lws_context_destroy(context)
        guard placeholder?.occupy() ?? false else {
            // Going on would close a descriptor of somebody else's: what is left of the context stays, this once.
            let address = unsafe UInt(bitPattern: Unmanaged.passRetained(self).toOpaque())
            Self.abandoned.withLock { $0.append(address) }
            return false
        }
        pumpUntilIdle()
        if unsafe contextSlot.pointee != nil {
            unsafe lws_context_destroy(context)
            pumpUntilIdle()
        }
        unsafe Self.close(alarm, on: loop)
        return true
    }

    /// Holds what stays for the life of the process where a leak checker sees that it does.
    private static let abandoned = Mutex<[UInt]>([])

    private func pumpUntilIdle() {
        // Bounded, although each turn takes a handle further: the end must not hang on a bug in somebody's library.
        for _ in 0..<10_000 where unsafe uv_run(loop, UV_RUN_NOWAIT) == 0 { return }
    }

    private static func close(_ alarm: UnsafeMutablePointer<uv_timer_t>, on loop: UnsafeMutablePointer<uv_loop_t>) {
        unsafe alarm.withMemoryRebound(to: uv_handle_t.self, capacity: 1) { unsafe uv_close($0, nil) }
        _ = unsafe uv_run(loop, UV_RUN_DEFAULT)
        _ = unsafe uv_loop_close(loop)
    }
}
