internal import Logging
internal import WebSocketProtocol

// The log lines that clients cause in a server.
extension ServerListener {
    /// Lines that are worth reading, and not worth one for every client.
    struct LogLimits {
        let refusal = SharedLogLimit()
        let shortage = SharedLogLimit()
        let fullness = SharedLogLimit()
    }

    /// A request that breaks the rules is the client's business. A decision that does is the server's own.
    func logRefusal(_ rejection: UpgradeRejection, of peer: String) {
        let reason = "\(rejection)".visible(limit: 500)
        let metadata: Logger.Metadata = ["peer": "\(peer)", "reason": "\(reason)"]
        guard rejection.status == .internalServerError else {
            return configuration.logger.debug("refused a request", metadata: metadata)
        }
        logLimits.refusal.log { configuration.logger.error("refused a request\($0)", metadata: metadata) }
    }

    /// A limit of the configuration is reached.
    func logLimit(_ limit: (name: String, value: Int)) {
        logLimits.fullness.log {
            configuration.logger.warning(
                "the server is full; further connections wait\($0)",
                metadata: ["limit": "\(limit.name)", "value": "\(limit.value)"])
        }
    }

    /// Connections cannot be accepted for lack of something. Clients that come and go at the limit make that begin and end.
    func logShortage(_ reason: String) {
        logLimits.shortage.log {
            configuration.logger.error(
                "connections cannot be accepted for now and wait\($0)", metadata: ["error": "\(reason)"])
        }
    }
}
