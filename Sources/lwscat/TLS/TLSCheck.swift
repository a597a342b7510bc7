import WebSocketService

/// The checks that a server's certificates have to pass, as people think of them.
enum TLSCheck: String, CaseIterable {
    case authority, name, dates, signatures, strength, purpose, revocation, pins, other

    /// The check that fails for this reason.
    init(_ reason: TLSFailure.Reason) {
        self =
            switch reason {
            case .untrustedRoot, .selfSigned: .authority
            case .hostnameMismatch: .name
            case .expired, .notYetValid: .dates
            case .invalidSignature: .signatures
            case .weakKey, .weakSignature: .strength
            case .invalidPurpose, .invalidAuthority, .chainTooLong: .purpose
            case .revoked: .revocation
            case .pinMismatch: .pins
            default: .other
            }
    }

    /// What it asks; `nil` for a check that is told of only when it fails.
    func question(expectedName: String, trustRoots: String) -> String? {
        switch self {
        case .authority: "the chain leads to an authority that is trusted (\(trustRoots))"
        case .name: "the certificate is for \(expectedName)"
        case .dates: "every certificate is valid today"
        case .signatures: "every signature was made by the issuer"
        case .strength: "keys and signatures are strong enough for OpenSSL"
        case .purpose: "the certificates may do what they are used for"
        case .pins: "a pinned key is in the chain"
        // OpenSSL looks at no revocation list unless it is told to, and says so only when a certificate was revoked.
        case .revocation, .other: nil
        }
    }

    /// What to do about it here; the messages speak to somebody who writes a program.
    var hint: String? {
        switch self {
        case .authority: "--ca FILE trusts an authority of your own instead of the system's"
        case .name: "--server-name NAME asks for another name"
        case .pins: "--pin PIN pins another key"
        default: nil
        }
    }

    /// The option of `lwscat URL` that turns it off; `lwscat tls` always makes all of them.
    var insecureSwitch: String? {
        switch self {
        case .authority: "--insecure-untrusted-roots"
        case .name: "--insecure-any-hostname"
        case .dates: "--insecure-expired-certificates"
        default: nil
        }
    }

    enum Outcome: Hashable {
        case passed(String)
        case failed([String])
        case skipped(String)
    }

    /// Every check with what came of it, in the order in which people ask.
    static func outcomes(
        _ failures: [WebSocketError], expectedName: String, trustRoots: String, pinCount: Int
    ) -> [(check: TLSCheck, outcome: Outcome)] {
        allCases.compactMap { check in
            let messages = failures.filter { $0.tlsFailure.map { TLSCheck($0.reason) } == check }.map(\.message)
            if !messages.isEmpty { return (check, .failed(messages)) }
            if check == .signatures,
                failures.contains(where: { $0.tlsFailure.map { TLSCheck($0.reason) } == .authority })
            {
                return (check, .skipped("cannot be told without an authority that is trusted"))
            }
            if check == .pins, pinCount == 0 { return (check, .skipped("no key is pinned (--pin)")) }
            return check.question(expectedName: expectedName, trustRoots: trustRoots).map { (check, .passed($0)) }
        }
    }
}
