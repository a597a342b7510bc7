#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// The results of a client for each ``CertificateCase``.
///
/// As text it is a table of what went wrong, with the rule behind each, so that it says everything in a failed expectation:
///
/// ```
/// #expect(report.wrong.isEmpty, "\(report)")     // Swift Testing
/// XCTAssert(report.wrong.isEmpty, "\(report)")   // XCTest
/// ```
public struct ClientVerificationReport: Sendable, Codable {
    /// The result of one case.
    public struct Entry: Sendable, Codable {
        /// The verdict on the client.
        public enum Verdict: String, Hashable, Sendable, Codable {
            /// It did what a right client does.
            case right
            /// It did not.
            case wrong
            /// The case says nothing about this client, or cannot be had on this machine.
            case skipped
        }

        /// The case.
        public let test: CertificateCase
        /// The right conduct of a client.
        public let expectation: CertificateCase.Expectation
        /// The verdict on the client.
        public let verdict: Verdict
        /// The client's conduct, or the reason why the case was skipped.
        public let finding: String
        /// A line on what is special about the server.
        public let explanation: String
        /// The source that says what a client must do.
        public let reference: String
        /// The connections that the server saw.
        public let connections: [CertificateCase.Connection]

        init(
            _ test: CertificateCase, _ verdict: Verdict, _ finding: String,
            connections: [CertificateCase.Connection] = []
        ) {
            self.test = test
            self.verdict = verdict
            self.finding = finding
            self.connections = connections
            (expectation, explanation, reference) = (test.expectation, test.explanation, test.reference)
        }
    }

    /// The results of the cases, in the order of `CertificateCase.allCases`.
    public let entries: [Entry]

    /// The cases in which the client did wrong.
    public var wrong: [CertificateCase] { entries.filter { $0.verdict == .wrong }.map(\.test) }
    /// The cases that the client was judged by. Without any, nothing wrong means nothing: expect this not to be empty where all
    /// cases of a run may be skipped.
    public var judged: [CertificateCase] { entries.filter { $0.verdict != .skipped }.map(\.test) }
    /// The cases that say nothing about this client, or cannot be had on this machine.
    public var skipped: [CertificateCase] { entries.filter { $0.verdict == .skipped }.map(\.test) }

    /// The report as JSON, for other programs.
    public var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        // Nothing in it fails to be encoded: strings, numbers and enumerations of them.
        guard let data = try? encoder.encode(self) else { return "{}" }
        return String(decoding: data, as: UTF8.self)
    }

    /// Every case with its verdict, as a table.
    public var table: String { Self.table(entries) }

    private static func table(_ entries: [Entry]) -> String {
        let width = entries.map(\.test.rawValue.count).max() ?? 0
        return entries.map { entry in
            let name = entry.test.rawValue + String(repeating: " ", count: width - entry.test.rawValue.count)
            var lines = ["  \(entry.verdict.mark) \(name)  \(entry.finding)"]
            if entry.verdict == .wrong {
                let indent = String(repeating: " ", count: width + 12)
                lines.append("\(indent)the server: \(entry.explanation)")
                lines.append("\(indent)a right client \(entry.expectation.verb) it (\(entry.reference))")
            }
            return lines.map { $0 + "\n" }.joined()
        }.joined()
    }
}

extension ClientVerificationReport: CustomStringConvertible {
    public var description: String {
        let counts = "\(entries.count.counted("case")), \(wrong.count) wrong, \(skipped.count) skipped"
        return counts + (judged.isEmpty ? ": nothing was checked" : "") + "\n"
            + Self.table(entries.filter { $0.verdict != .right })
    }
}

extension ClientVerificationReport.Entry.Verdict {
    /// Of one width, for tables.
    package var mark: String {
        switch self {
        case .right: "right  "
        case .wrong: "WRONG  "
        case .skipped: "skipped"
        }
    }
}

extension CertificateCase.Expectation {
    package var verb: String {
        switch self {
        case .accept: "accepts"
        case .refuse: "refuses"
        }
    }
}
