import WebSocketTesting

/// The command that `badwss check` runs, with the places for what differs.
struct ClientCommand: Sendable {
    /// The command cannot be started at all.
    struct CannotRun: Error, CustomStringConvertible {
        let description: String
    }

    private let arguments: [String]

    init(_ arguments: [String]) { self.arguments = arguments }

    /// Tells whether one of the arguments has a place of this name.
    func takes(_ name: String) -> Bool { arguments.contains { $0.contains("{\(name)}") } }

    /// Returns the reason why a case says nothing about this command.
    @Sendable func reasonToSkip(_ test: CertificateCase) -> String? {
        switch test.need {
        case .revocationLists where !takes("crl"): "the command is not given {crl}"
        case .clientCertificate where !takes("cert"): "the command is not given {cert}"
        case .noClientCertificate where takes("cert"): "the command always has a client certificate to show"
        default: nil
        }
    }

    func arguments(for connection: ClientVerification.Connection) -> [String] {
        let trust = connection.trust
        let values = [
            "url": connection.url, "ca": trust.authorityFile, "host": trust.host, "port": "\(trust.port)",
            "address": trust.address, "cert": trust.clientCertificateFiles?.certificateChain ?? "",
            "key": trust.clientCertificateFiles?.privateKey ?? "", "crl": trust.revocationListsFile,
            "case": trust.test.rawValue,
        ]
        return arguments.map { Self.fill($0, with: values) }
    }

    /// Fills in the values. A value is not looked at again, and a brace that begins no place stays.
    static func fill(_ argument: String, with values: [String: String]) -> String {
        var (result, rest) = ("", argument[...])
        while let open = rest.firstIndex(of: "{") {
            result += rest[..<open]
            rest = rest[open...]
            guard let close = rest.firstIndex(of: "}"),
                let value = values[String(rest[rest.index(after: open)..<close])]
            else {
                result += "{"
                rest = rest.dropFirst()
                continue
            }
            result += value
            rest = rest[rest.index(after: close)...]
        }
        return result + rest
    }

    /// Runs it for one connection; it is killed when the task is cancelled.
    func run(_ connection: ClientVerification.Connection) async throws -> CertificateCase.Outcome {
        let child = try ChildProcess(arguments(for: connection))
        return switch await child.end() {
        case .exited(0): .accepted
        // The statuses by which shells and env(1) report a command that they cannot run.
        case .exited(let status) where status == 126 || status == 127:
            .crashed("exit status \(status), the command could not be run\(child.lastWords)")
        case .exited(let status): .refused("exit status \(status)\(child.lastWords)")
        case .signaled(let signal): .crashed("ended by signal \(signal)\(child.lastWords)")
        }
    }
}
