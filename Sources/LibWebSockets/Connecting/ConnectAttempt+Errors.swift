internal import HTTPTypes
internal import WebSocketProtocol

// The errors of an attempt that failed: what was tried, what failed, what to look at.
extension ConnectAttempt {
    func connectError() -> WebSocketError {
        let target = plan.proxy.map { "the proxy \($0)" } ?? plan.endpoint.origin
        if let code = lastFailure?.end.cause.errno, WebSocketError.isShortage(code) {
            return .resourceUnavailable(code, stage: .connect, for: "no socket could be opened to connect to \(target)")
        }
        let detail =
            lastFailure.map { failure in
                // libwebsockets does not always leave the operating system's error behind.
                let cause =
                    failure.end.cause.errno == nil
                    ? "it refused, or cannot be reached (libwebsockets: \(failure.end.cause))" : "\(failure.end.cause)"
                return "; the last one tried, \(failure.address), said: \(cause)"
            } ?? ""
        return WebSocketError(
            .connectFailed, stage: .connect,
            message: """
                no address of \(target) accepted a connection\
                \(detail). Is the server running, and the port reachable?
                """, errno: lastFailure?.end.cause.errno)
    }

    func handshakeError(_ end: PipeEnd, tls: TLSHandshake?) -> WebSocketError {
        let origin = plan.endpoint.origin
        switch end.cause {
        case .loopShutDown: return SocketLoop.shutDownError
        case .error(let error): return error
        case .endOfStream, .library, .systemError, .tls, .violation: break
        }
        if end.stage == .proxy {
            return WebSocketError(
                .connectFailed, stage: .proxy,
                message: """
                    the proxy \(plan.proxy?.description ?? "") ended the connection before it had let one to \(origin) \
                    through\(words(end.cause)). Does it allow CONNECT to this port?
                    """, errno: end.cause.errno)
        }
        // A server that speaks TLS 1.3 refuses a client certificate only after the client's handshake is complete.
        if let tls, end.stage == .tls || tls.failure != nil { return tls.error(errno: end.cause.errno) }
        let hint = tls?.hint ?? " If this port expects TLS, connect with wss:."
        if case .violation(let violation) = end.cause {
            // An answer that is HTTP, only wrong, is not TLS.
            let hint = violation.isNotHTTP ? hint : tls?.hint ?? ""
            return WebSocketError(
                .invalidHandshake, stage: .upgrade,
                message: """
                    the answer of \(origin) to the upgrade request cannot be used. \(violation.description)\(hint)
                    """)
        }
        let cause = words(end.cause)
        return WebSocketError(
            .connectionLost, stage: .upgrade,
            message: "\(origin) ended the connection before it answered the upgrade request\(cause).\(hint)",
            errno: end.cause.errno)
    }

    /// Returns words on the cause, where there is more to say than that it ended.
    private func words(_ cause: PipeEnd.Cause) -> String {
        switch cause {
        case .systemError, .tls: ": \(cause)"
        case .library(let words): " (libwebsockets: \(words))"
        case .endOfStream, .loopShutDown, .error, .violation: ""
        }
    }

    func error(of response: RefusedResponse) -> WebSocketError {
        UpgradeRefusal(response).error(endpoint: plan.endpoint, origin: plan.configuration.headers[.origin])
    }
}
