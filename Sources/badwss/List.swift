import ArgumentParser
import WebSocketTesting

/// `badwss list`.
struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Explain the cases: what is special about each server, what a right client does, and where that is written."
    )

    @OptionGroup
    var options: CaseOptions

    func run() async throws {
        let cases = options.cases
        try await EndStatus.translatingErrors {
            try Output.write(options.json ? JSON.text(cases.map(ListedCase.init)) + "\n" : Self.text(cases))
        }
    }

    static func text(_ cases: [CertificateCase]) -> String {
        let width = cases.map(\.rawValue.count).max() ?? 0
        return cases.map { test in
            "\(test.rawValue.padded(to: width))  \(test.expectation.rawValue)  \(test.explanation) (\(test.reference))\n"
        }.joined()
    }
}

extension String {
    func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
