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
