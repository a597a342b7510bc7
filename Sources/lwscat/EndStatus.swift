import ArgumentParser
import WebSocketService

/// What the process ends with, so that a script can tell the failures apart. The numbers are those of sysexits.h where
/// one of them fits.
struct EndStatus: Hashable, Sendable {
    let rawValue: Int32

    static let orderly = EndStatus(rawValue: 0)
    static let usage = EndStatus(rawValue: 64)
    static let protocolBroken = EndStatus(rawValue: 65)
    static let nameNotFound = EndStatus(rawValue: 68)
    static let unreachable = EndStatus(rawValue: 69)
    static let internalError = EndStatus(rawValue: 70)
    static let systemError = EndStatus(rawValue: 71)
    static let connectionLost = EndStatus(rawValue: 74)
    static let timedOut = EndStatus(rawValue: 75)
    static let closedWithError = EndStatus(rawValue: 76)
    static let upgradeRefused = EndStatus(rawValue: 77)
    static let tls = EndStatus(rawValue: 78)

    /// Ended by a signal, as a shell shows it.
    static func signal(_ number: Int32) -> EndStatus { EndStatus(rawValue: 128 + number) }

    /// The table that `--help` and the manual page show, and what `--json` calls each class.
    static let documented: [(status: EndStatus, name: String, meaning: String)] = [
        (.orderly, "orderly", "an orderly end: close code 1000, 1001 or none, or an end asked for"),
        (.usage, "usage", "the command line, the URL, a header or a TLS file cannot be used"),
        (.protocolBroken, "protocol", "the peer broke HTTP or WebSocket, or a message is too big"),
        (.nameNotFound, "dns", "the host name has no address"),
        (.unreachable, "unreachable", "no address accepted the connection, or the proxy failed"),
        (.internalError, "internal", "a failure of this program or of its libraries"),
        (.systemError, "system", "the system lacked something, or the port cannot be listened on"),
        (.connectionLost, "lost", "the connection was lost, or messages could not be sent"),
        (.timedOut, "timeout", "a deadline passed, or pings went unanswered"),
        (.closedWithError, "closed", "the peer closed the connection with an error's code"),
        (.upgradeRefused, "refused", "the server refused the WebSocket with an HTTP status"),
        (.tls, "tls", "the TLS handshake failed, or a check of the certificate"),
    ]

    static var help: String {
        let lines = documented.map { "  \($0.status.rawValue)\($0.status.rawValue < 10 ? " " : "")  \($0.meaning)" }
        return (["EXIT STATUS:"] + lines + ["  128 and the signal's number, when a signal asked for the end"])
            .joined(separator: "\n")
    }

    /// What `--json` calls it.
    var name: String {
        Self.documented.first { $0.status == self }?.name ?? "signal"
    }

    var exitCode: ExitCode { ExitCode(rawValue) }
}

extension EndStatus {
    /// The class of why there is no connection, or no longer one.
    init(_ failure: ConnectionFailure) {
        // What the peer said counts more than what this side made of it.
        if let received = failure.closure?.received {
            self.init(closeCode: received.code ?? .noStatusReceived)
            return
        }
        switch failure {
        case .closed: self = .connectionLost
        case .heartbeatTimeout: self = .timedOut
        case .onOpenFailed: self = .internalError
        case .connectFailed(let error), .lost(let error): self.init(error)
        }
    }

    /// The class of what the peer's close frame says.
    init(closeCode: CloseCode) {
        self = [.normalClosure, .goingAway, .noStatusReceived].contains(closeCode) ? .orderly : .closedWithError
    }

    init(_ error: any Error) {
        switch error {
        case let error as WebSocketError: self.init(code: error.code)
        case let error as SocketServiceError where error.code == .attemptTimedOut: self = .timedOut
        case let error as SocketServiceError:
            if let failure = error.failure { self.init(failure) } else { self = .internalError }
        default: self = .internalError
        }
    }

    private init(code: WebSocketError.Code) {
        self =
            switch code {
            case .invalidConfiguration: .usage
            case .nameResolutionFailed: .nameNotFound
            case .connectFailed: .unreachable
            case .resourceUnavailable: .systemError
            case .tlsFailed: .tls
            case .upgradeRefused: .upgradeRefused
            case .invalidHandshake, .protocolViolation, .messageTooBig: .protocolBroken
            case .timedOut: .timedOut
            case .connectionLost, .connectionClosed: .connectionLost
            default: .internalError
            }
    }
}
