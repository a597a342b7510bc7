internal import WebSocketProtocol
internal import LibC

/// The end of a pipe, also of one that was never made.
struct PipeEnd: Error {
    enum Cause: CustomStringConvertible {
        /// The peer ended its side, or this one did.
        case endOfStream
        /// The operating system's error number.
        case systemError(Int32)
        /// libwebsockets' words.
        case library(String)
        /// OpenSSL's words.
        case tls(String)
        case loopShutDown
        /// The peer's answer is not HTTP as it has to be.
        case violation(HTTPViolation)
        /// A check of ours.
        case error(WebSocketError)

        var errno: Int32? {
            switch self {
            case .systemError(let number): number
            case .error(let error): error.errno
            case .endOfStream, .library, .tls, .loopShutDown, .violation: nil
            }
        }

        var description: String {
            switch self {
            case .endOfStream: "the peer ended it without a close frame"
            case .systemError(let number): unsafe String(cString: strerror(number))
            case .library(let words): words
            case .tls(let words): "TLS failed: \(words)"
            case .violation(let violation): violation.description
            case .loopShutDown: "its socket loop was shut down"
            case .error(let error): error.message
            }
        }
    }

    /// The stage that was reached.
    var stage: WebSocketError.Stage
    var cause: Cause
}
