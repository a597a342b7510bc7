internal import CLibwebsockets
internal import LibC

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

    init(info: lws_context_creation_info) throws(LoopBackendFailure) {
        var info = unsafe info
        let context = try unsafe LoopBackendFailure.createContext(&info)
        // Without a descriptor for waking it, libwebsockets makes a context all the same.
        let code = errno
        if code == EMFILE || code == ENFILE || code == ENOMEM {
            unsafe lws_context_destroy(context)
            throw .shortage(code)
        }
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
            unsafe lws_sul_cancel(timer)
        }
    }

    var isAlarmSet: Bool {
        unsafe alarm.pointee.timer.list.owner != nil
    }

    func destroy() {
        unsafe lws_context_destroy(context)
    }
}
