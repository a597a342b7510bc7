internal import CLibwebsockets
internal import WebSocketProtocol
internal import LibC

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
