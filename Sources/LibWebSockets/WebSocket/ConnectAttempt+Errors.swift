internal import WebSocketProtocol

// What an attempt that failed says: what was tried, what failed, what to look at.
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

    func handshakeError(_ end: TransportEnd, tls: TLSHandshake?) -> WebSocketError {
        let origin = plan.endpoint.origin
        switch end.cause {
        case .loopShutDown: return EventLoop.shutDownError
        case .error(let error): return error
        case .endOfStream, .library, .systemError: break
        }
        if end.stage == .proxy {
            return WebSocketError(
                .connectFailed, stage: .proxy,
                message: """
                    the proxy \(plan.proxy?.description ?? "") did not let a connection to \(origin) through \
                    (libwebsockets: \(end.cause)). Does it allow CONNECT to this port, and does it want other credentials \
                    (status 407)?
                    """, errno: end.cause.errno)
        }
        // A server that speaks TLS 1.3 refuses a client certificate only after the client's handshake is complete.
        if let tls, end.stage == .tls || tls.failure != nil { return tls.error(errno: end.cause.errno) }
        let hint = tls?.hint ?? " If this port expects TLS, connect with wss:."
        if case .library(let words) = end.cause, words.contains("header") {
            return WebSocketError(
                .invalidHandshake, stage: .upgrade,
                message: """
                    the answer of \(origin) to the upgrade request is not HTTP, or its head is larger than \
                    \(LoopCore.maximumResponseHeadSize) bytes (libwebsockets: \(words)).\(hint)
                    """)
        }
        let cause =
            switch end.cause {
            case .systemError: ": \(end.cause)"
            case .library(let words): " (libwebsockets: \(words))"
            default: ""
            }
        return WebSocketError(
            .connectionLost, stage: .upgrade,
            message: "\(origin) ended the connection before it answered the upgrade request\(cause).\(hint)",
            errno: end.cause.errno)
    }
}
