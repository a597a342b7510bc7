import ArgumentParser
import WebSocketTesting

/// The choice of cases, and the way in which they are told.
struct CaseOptions: ParsableArguments {
    @Option(
        name: .customLong("case"),
        help: ArgumentHelp(
            "Only this case; \"badwss list\" shows them. May be repeated.", valueName: "name"))
    var only: [CertificateCase] = []

    @Option(help: ArgumentHelp("All cases but this one. May be repeated.", valueName: "name"))
    var except: [CertificateCase] = []

    @Flag(help: "Print JSON, for scripts.")
    var json = false

    func validate() throws {
        if cases.isEmpty { throw ValidationError("No case is left.") }
    }

    var cases: [CertificateCase] {
        CertificateCase.allCases.filter { (only.isEmpty || only.contains($0)) && !except.contains($0) }
    }
}
