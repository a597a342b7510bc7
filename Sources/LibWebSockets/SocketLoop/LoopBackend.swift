internal import CLibwebsockets
internal import WebSocketProtocol
internal import LibC

/// The motor of a libwebsockets context: waits for sockets, and for one alarm of ours.
///
/// On the loop's thread only, which makes it, too: libwebsockets 4.3 remembers the thread that it first runs on.
protocol LoopBackend: AnyObject {
    var context: OpaquePointer { get }

    /// Waits for events or the alarm and handles them. With `isWorkWaiting` it handles what there is and does not wait.
    /// Returns false when the context is gone.
    func turn(isWorkWaiting: Bool) -> Bool

    /// Sets the one alarm, which only ends the wait; `nil` unsets it.
    func setAlarm(after delay: Duration?)

    /// The alarm is set and has not gone off.
    var isAlarmSet: Bool { get }

    /// Closes every socket, with its callbacks, and frees the context.
    func destroy()
}

/// The reason why there is no backend.
enum LoopBackendFailure: Error {
    /// The system lacks something for now, such as descriptors.
    case shortage(CInt)
    /// libwebsockets does not say why.
    case refused
}

extension LoopBackendFailure {
    /// The error for a caller that wanted to connect.
    func error(_ what: String) -> WebSocketError {
        switch self {
        case .shortage(let code): .resourceUnavailable(code, stage: .configuration, for: what)
        case .refused:
            WebSocketError(
                .libraryUnsuitable, stage: .configuration, message: "\(what); its log line says why")
        }
    }

    /// Makes a context, and looks at what the system had said when there is none.
    static func createContext(_ info: inout lws_context_creation_info) throws(LoopBackendFailure) -> OpaquePointer {
        errno = 0
        let context = unsafe lws_create_context(&info)
        let code = errno
        guard let context = unsafe context else {
            throw WebSocketError.isShortage(code) ? .shortage(code) : .refused
        }
        return unsafe context
    }
}

extension Duration {
    /// Rounded up, so that an alarm does not come early.
    var wholeMicroseconds: Int64 {
        let (seconds, attoseconds) = bounded.components
        let microsecond: Int64 = 1_000_000_000_000
        return max(1, seconds * 1_000_000 + (attoseconds + microsecond - 1) / microsecond)
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

extension SocketLoop.Backend {
    /// Makes the backend; on the loop's thread.
    func make(_ info: lws_context_creation_info) throws(WebSocketError) -> any LoopBackend {
        do throws(LoopBackendFailure) {
            switch self {
            case .libuv: return try unsafe LibuvBackend(info: info)
            case .poll: return try unsafe PollBackend(info: info)
            case .automatic: break
            }
            do throws(LoopBackendFailure) {
                return try unsafe LibuvBackend(info: info)
            } catch .refused {
                let backend = try unsafe PollBackend(info: info)
                // Found out once: the installation does not change.
                _ = Self.warning
                return backend
            }
        } catch {
            throw error.error(
                self == .libuv
                    ? "libwebsockets could not create a socket loop on libuv (is its plugin missing?)"
                    : "libwebsockets could not create a socket loop")
        }
    }

    private static let warning: Void = Libwebsockets.loggingHold.log {
        Libwebsockets.logger.warning(
            """
            libwebsockets cannot use libuv: its plugin is missing (Debian and Ubuntu: libwebsockets-evlib-uv); socket loops \
            use poll(2), whose cost grows with the number of connections
            """)
    }
}
