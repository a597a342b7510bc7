import WebSocketTesting

/// A case as JSON.
struct ListedCase: Codable, Hashable {
    let name: CertificateCase
    let group: CertificateCase.Group
    let expectation: CertificateCase.Expectation
    let explanation: String
    let reference: String
    let need: CertificateCase.Need?

    init(_ test: CertificateCase) {
        (name, group, expectation) = (test, test.group, test.expectation)
        (explanation, reference, need) = (test.explanation, test.reference, test.need)
    }
}
