import Foundation
import WebSocketService

/// What `lwscat tls` has found out, and how it is told.
struct TLSReport {
    struct Version: Hashable {
        let version: TLSProtocolVersion
        /// `nil` when it cannot be told.
        let isSpoken: Bool?

        var words: String { "\(version) \(isSpoken.map { $0 ? "yes" : "no" } ?? "cannot be told")" }

        /// What an attempt with one version only says about it when it fails. A server that demands a client certificate has
        /// agreed on the version first; one that just goes away may have done so for any reason.
        static func isSpoken(despite error: WebSocketError) -> Bool? {
            switch error.tlsFailure?.reason {
            case .protocolVersion: false
            case .clientCertificateRequired, .clientCertificateRefused: true
            default: nil
            }
        }
    }

    let server: String
    let expectedName: String
    let trustRoots: String
    let pinCount: Int
    var inspection: TLSInspection?
    /// Why there is nothing to see.
    var error: String?
    /// What to do about that, with options of this program.
    var hint: String?
    var versions: [Version] = []

    var failures: [WebSocketError] { inspection?.failures ?? [] }

    private var outcomes: [(check: TLSCheck, outcome: TLSCheck.Outcome)] {
        TLSCheck.outcomes(failures, expectedName: expectedName, trustRoots: trustRoots, pinCount: pinCount)
    }

    // MARK: For people

    func text(at now: Date) -> String {
        var lines = ["server     \(server)"]
        if let inspection {
            lines.append("agreed on  \(inspection.connection.version), \(inspection.connection.cipherSuite)")
        }
        if !versions.isEmpty {
            lines.append("versions   \(versions.map(\.words).joined(separator: ", "))")
        }
        if let inspection {
            lines.append("client     \(Self.clientCertificate(inspection))")
            lines += ["", "certificates, as the server sends them"]
            for (index, certificate) in inspection.certificates.enumerated() {
                lines += Self.lines(certificate, index: index, at: now)
            }
            lines += ["", "checks"]
            for (check, outcome) in outcomes { lines += Self.lines(check, outcome) }
        }
        if let error { lines += ["", "failed     \(error)"] }
        if let hint { lines.append("           \(hint)") }
        return lines.map { $0.visibleOnTerminal + "\n" }.joined()
    }

    private static func clientCertificate(_ inspection: TLSInspection) -> String {
        inspection.asksForClientCertificate
            ? "asked for a certificate; whether it insists on one shows only in a connection"
            : "no certificate was asked for"
    }

    private static func lines(_ certificate: PeerCertificate, index: Int, at now: Date) -> [String] {
        let number = index < 10 ? " \(index)" : "\(index)"
        var lines = ["\(number)  subject  \(named(certificate.subject))", "    issuer   \(named(certificate.issuer))"]
        if !certificate.subjectAlternativeNames.isEmpty {
            lines.append("    names    \(certificate.subjectAlternativeNames.joined(separator: ", "))")
        }
        lines += [
            "    valid    \(day(certificate.notValidBefore)) to \(day(certificate.notValidAfter)), "
                + validity(certificate, at: now),
            "    sha-256  \(certificate.fingerprintText)",
            "    pin      \(certificate.publicKeyPin)",
        ]
        return lines
    }

    private static func named(_ name: String) -> String { name.isEmpty ? "(empty)" : name }
    private static func day(_ date: Date) -> String { date.formatted(.iso8601.year().month().day()) }

    static func validity(_ certificate: PeerCertificate, at now: Date) -> String {
        validity(from: certificate.notValidBefore, to: certificate.notValidAfter, at: now)
    }

    static func validity(from begin: Date, to end: Date, at now: Date) -> String {
        if now < begin { return "not yet" }
        let days = Int((end.timeIntervalSince(now) / 86_400).rounded(.down))
        switch days {
        case ..<0: return "expired"
        case 0: return "less than a day left"
        case 1: return "1 day left"
        default: return "\(days) days left"
        }
    }

    private static func lines(_ check: TLSCheck, _ outcome: TLSCheck.Outcome) -> [String] {
        let name = check.rawValue.padding(toLength: 10, withPad: " ", startingAt: 0)
        return switch outcome {
        case .passed(let text): ["  ok    \(name)  \(text)"]
        case .skipped(let text): ["  -     \(name)  \(text)"]
        case .failed(let messages):
            messages.map { "  FAIL  \(name)  \($0)" } + (check.hint.map { ["                    \($0)"] } ?? [])
        }
    }

    // MARK: For scripts

    static let jsonHelp = """
        With --json there is one object: server, version, cipherSuite, versions (whether each is spoken; null where that \
        cannot be told), asksForClientCertificate, certificates (each with subject, issuer, names, notValidBefore, \
        notValidAfter, sha256, pin), checks (each with check, result, messages; the result is passed, failed or skipped), \
        error. A key without a value is left out.
        """

    private struct JSON: Encodable {
        struct Certificate: Encodable {
            var subject: String
            var issuer: String
            var names: [String]
            var notValidBefore: Date
            var notValidAfter: Date
            var sha256: String
            var pin: String
        }

        struct Check: Encodable {
            var check: String
            var result: String
            var messages: [String]
        }

        var server: String
        var version: String?
        var cipherSuite: String?
        var versions: [String: Bool?]
        var asksForClientCertificate: Bool?
        var certificates: [Certificate]
        var checks: [Check]
        var error: String?
    }

    var json: String {
        let certificates = (inspection?.certificates ?? []).map {
            JSON.Certificate(
                subject: $0.subject, issuer: $0.issuer, names: $0.subjectAlternativeNames,
                notValidBefore: $0.notValidBefore, notValidAfter: $0.notValidAfter, sha256: $0.fingerprintText,
                pin: "\($0.publicKeyPin)")
        }
        let checks = inspection == nil ? [] : outcomes.map { Self.json($0.check, $0.outcome) }
        let object = JSON(
            server: server, version: inspection.map { "\($0.connection.version)" },
            cipherSuite: inspection?.connection.cipherSuite,
            versions: Dictionary(uniqueKeysWithValues: versions.map { ("\($0.version)", $0.isSpoken) }),
            asksForClientCertificate: inspection?.asksForClientCertificate, certificates: certificates,
            checks: checks, error: error)
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        // Strings, booleans and dates always encode.
        return (try? encoder.encode(object)).map { String(decoding: $0, as: UTF8.self) + "\n" } ?? ""
    }

    private static func json(_ check: TLSCheck, _ outcome: TLSCheck.Outcome) -> JSON.Check {
        switch outcome {
        case .passed(let text): JSON.Check(check: check.rawValue, result: "passed", messages: [text])
        case .failed(let messages): JSON.Check(check: check.rawValue, result: "failed", messages: messages)
        case .skipped(let text): JSON.Check(check: check.rawValue, result: "skipped", messages: [text])
        }
    }
}
