import Foundation
import Testing
import WebSocketService

@testable import lwscat

@Suite("What lwscat tls makes of failures")
struct TLSCheckTests {
    private func outcomes(
        _ reasons: TLSFailure.Reason..., pinCount: Int = 0
    ) -> [TLSCheck: TLSCheck.Outcome] {
        let failures = reasons.map {
            WebSocketError(.tlsFailed, stage: .tls, message: "\($0)", tlsFailure: TLSFailure(reason: $0, depth: 0))
        }
        let outcomes = TLSCheck.outcomes(failures, expectedName: "a", trustRoots: "system", pinCount: pinCount)
        return Dictionary(uniqueKeysWithValues: outcomes.map { ($0.check, $0.outcome) })
    }

    private func isPassed(_ outcome: TLSCheck.Outcome?) -> Bool {
        if case .passed = outcome { true } else { false }
    }

    @Test("Without a failure every check passes that was made")
    func passed() {
        let outcomes = outcomes()
        for check: TLSCheck in [.authority, .name, .dates, .signatures, .strength, .purpose] {
            #expect(isPassed(outcomes[check]))
        }
        #expect(outcomes[.pins] == .skipped("no key is pinned (--pin)"))
        #expect(outcomes[.revocation] == nil, "nobody has looked")
        #expect(isPassed(self.outcomes(pinCount: 1)[.pins]))
    }

    @Test(
        "Each reason fails its own check",
        arguments: [
            (.untrustedRoot, .authority), (.selfSigned, .authority), (.expired, .dates), (.notYetValid, .dates),
            (.hostnameMismatch, .name), (.invalidSignature, .signatures),
            (.weakKey, .strength), (.weakSignature, .strength), (.invalidPurpose, .purpose),
            (.invalidAuthority, .purpose), (.revoked, .revocation), (.pinMismatch, .pins), (.other, .other),
        ] as [(TLSFailure.Reason, TLSCheck)])
    func failed(reason: TLSFailure.Reason, check: TLSCheck) {
        #expect(outcomes(reason, pinCount: 1)[check] == .failed(["\(reason)"]))
    }

    @Test(
        "Each failure comes with what to do about it, in options of lwscat",
        arguments: [
            (.untrustedRoot, "--ca FILE"), (.selfSigned, "--insecure-untrusted-roots"),
            (.hostnameMismatch, "--server-name NAME"), (.expired, "--insecure-expired-certificates"),
            (.pinMismatch, "--pin PIN"), (.weakKey, "lwscat tls URL"),
            (.clientCertificateRequired, "--cert FILE and --key"),
            (.clientCertificateRefused, "--cert FILE and --key"), (.protocolVersion, "--minimum-tls"),
            (.notTLS, "ws: instead of wss:"), (.alert, nil),
        ] as [(TLSFailure.Reason, String?)])
    func hint(reason: TLSFailure.Reason, words: String?) {
        let hint = TLSFailure(reason: reason).hint
        #expect(words.map { hint?.contains($0) == true } ?? (hint == nil), "\(hint ?? "none")")
        let certificateWords = ["--ca", "--server-name", "--insecure", "lwscat tls"]
        if !TLSFailure(reason: reason).isVerificationFailure {
            for word in certificateWords { #expect(hint?.contains(word) != true, "\(hint ?? "none")") }
        }
    }

    @Test(
        "Of a version that was not agreed on, only some failures tell whether it is spoken",
        arguments: [
            (.protocolVersion, false), (.clientCertificateRequired, true), (.clientCertificateRefused, true),
            (.alert, nil),
            (.notTLS, nil), (.other, nil), (nil, nil),
        ] as [(TLSFailure.Reason?, Bool?)])
    func version(reason: TLSFailure.Reason?, isSpoken: Bool?) {
        let error = WebSocketError(
            .tlsFailed, stage: .tls, message: "", tlsFailure: reason.map { TLSFailure(reason: $0) })
        #expect(TLSReport.Version.isSpoken(despite: error) == isSpoken)
        let words = ["TLS 1.2 yes", "TLS 1.2 no", "TLS 1.2 cannot be told"]
        #expect(words.contains(TLSReport.Version(version: .tls12, isSpoken: isSpoken).words))
    }

    @Test("Without a trusted authority nothing is said about signatures")
    func signatures() {
        #expect(!isPassed(outcomes(.untrustedRoot)[.signatures]))
        #expect(outcomes(.untrustedRoot, .expired)[.dates] == .failed(["expired"]))
    }

    @Test(
        "How long a certificate is valid still",
        arguments: [
            (-10.0, -1.0, "expired"), (1, 2, "not yet"), (-1, 0.5, "less than a day left"), (-1, 1.5, "1 day left"),
            (-1, 30, "30 days left"),
        ])
    func validity(begin: Double, end: Double, text: String) {
        let now = Date(timeIntervalSince1970: 1_700_000_000)
        let (begin, end) = (now.addingTimeInterval(begin * 86_400), now.addingTimeInterval(end * 86_400))
        #expect(TLSReport.validity(from: begin, to: end, at: now) == text)
    }
}
