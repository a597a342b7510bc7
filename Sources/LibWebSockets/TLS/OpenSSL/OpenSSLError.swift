internal import COpenSSL
internal import LibC

/// An entry of the calling thread's OpenSSL error queue.
struct OpenSSLError: Hashable, Sendable {
    /// The packed code of `ERR_get_error(3)`.
    let code: UInt

    var isSSL: Bool { copenssl_ERR_GET_LIB(code) == ERR_LIB_SSL }
    var isPEM: Bool { copenssl_ERR_GET_LIB(code) == ERR_LIB_PEM }
    var reason: Int32 { copenssl_ERR_GET_REASON(code) }
    var isOutOfMemory: Bool { reason == copenssl_ERR_R_MALLOC_FAILURE() }

    /// OpenSSL's text, such as "certificate verify failed".
    var text: String {
        guard let reason = unsafe ERR_reason_error_string(code) else {
            return "OpenSSL error \(String(code, radix: 16))"
        }
        return unsafe String(cString: reason)
    }

    /// The oldest entry, left in the queue: what went wrong first, and so the cause of the later ones.
    static func peek() -> OpenSSLError? {
        let code = ERR_peek_error()
        return code == 0 ? nil : OpenSSLError(code: code)
    }

    /// The oldest entry; the queue is empty afterwards.
    static func take() -> OpenSSLError? {
        defer { ERR_clear_error() }
        return peek()
    }

    /// The text of the oldest entry; the queue is empty afterwards.
    static func takeText() -> String { take()?.text ?? "OpenSSL gave no reason" }

    /// Returns the error for something that OpenSSL has not made; the queue is empty afterwards.
    static func failure(stage: WebSocketError.Stage, _ what: String) -> WebSocketError {
        let error = take()
        // Passes, unlike what else could be wrong with the library.
        if let error, error.isOutOfMemory { return .resourceUnavailable(ENOMEM, stage: stage, for: what) }
        let reason = error?.text ?? "OpenSSL gave no reason"
        return WebSocketError(.libraryUnsuitable, stage: stage, message: "\(what): \(reason).")
    }
}

extension WebSocketError {
    static func invalidTLSConfiguration(_ message: String) -> WebSocketError {
        WebSocketError(.invalidConfiguration, stage: .configuration, message: message)
    }
}
