internal import WebSocketProtocol

extension ConnectAttempt {
    /// Sets a deadline of one stage, which ends with the attempt or with the next one.
    func setDeadline(of stage: String, after timeout: Duration?) {
        if let stageDeadline { core?.cancel(stageDeadline) }
        guard let timeout, let core else {
            stageDeadline = nil
            return
        }
        stageDeadline = core.schedule(after: timeout) { [weak self] in self?.deadlinePassed(timeout, stage) }
    }

    /// Not the fault of anything that this attempt would do: redirects took the time, or there was hardly any.
    static func lateError(_ plan: Plan) -> WebSocketError {
        WebSocketError(
            .timedOut, stage: .upgrade,
            message: """
                it took longer than \(plan.configuration.connectTimeout) (connectTimeout), in which redirects count too, before \
                \(plan.endpoint.origin) could be tried
                """)
    }

    func deadlinePassed(_ timeout: Duration, _ name: String) {
        // The part of a refusal that has arrived counts.
        if let refusal = winner?.handshake.takeRefusal() {
            return fail(error(of: refusal))
        }
        if let refusal = winner?.handshake.takeProxyRefusal() { return fail(refusal) }
        let stage = winner?.handshake.stage ?? stage
        let what =
            switch stage {
            case .configuration: "read \(plan.configuration.tls.files.map(\.description).joined(separator: ", "))"
            case .nameResolution where lookup?.isHeldUp == true:
                """
                resolve the host name "\(plan.endpoint.host)", which nobody has begun to: \(Resolver.maximumThreadCount) other \
                names are being looked up, and no name server answers
                """
            case .nameResolution: "resolve the host name \"\(plan.endpoint.host)\""
            case .connect: "connect to \(plan.endpoint.origin)"
            case .proxy: "be let through to \(plan.endpoint.origin) by the proxy \(plan.proxy?.description ?? "")"
            case .tls: "complete the TLS handshake with \(plan.endpoint.origin)"
            default: "get an answer to the upgrade request from \(plan.endpoint.origin)"
            }
        fail(
            WebSocketError(
                .timedOut, stage: stage,
                message: "it took longer than \(timeout) (\(name)) to \(what)"))
    }
}
