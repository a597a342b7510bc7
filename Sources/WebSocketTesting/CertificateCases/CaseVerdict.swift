extension CertificateCase {
    /// The end of a client's call.
    package enum Outcome: Sendable {
        /// It says that all went well.
        case accepted
        /// It says that something was wrong: this.
        case refused(String)
        /// It did not end within its time.
        case hung
        /// It broke: this way.
        case crashed(String)
    }

    /// Judges what a client did. A value, so that every way to be wrong can be tested.
    ///
    /// - Parameters:
    ///   - outcomes: The end of the client each time that it had to connect; those that did not come to pass are missing.
    ///   - connections: The connections that the server saw.
    package func judge(_ outcomes: [Outcome], _ connections: [Connection]) -> ClientVerificationReport.Entry {
        typealias Entry = ClientVerificationReport.Entry
        func entry(_ verdict: Entry.Verdict, _ finding: String) -> Entry {
            Entry(self, verdict, finding, connections: connections)
        }
        // A client that does not end or breaks is wrong about anything.
        for outcome in outcomes {
            switch outcome {
            case .hung: return entry(.wrong, "did not end within its time")
            case .crashed(let how): return entry(.wrong, "broke: \(how)")
            case .accepted, .refused: continue
            }
        }
        // Nobody can be right about a server that they have not met, each time.
        let met = Set(connections.map(\.attempt))
        guard outcomes.indices.allSatisfy(met.contains), !outcomes.isEmpty else {
            guard case .refused(let reason) = outcomes.last else {
                return entry(.wrong, "never connected to the server")
            }
            return entry(.wrong, "never connected to the server: \(reason)")
        }
        switch need {
        case .stapledResponse where !connections.contains(where: \.asksForStapledResponse):
            return entry(.skipped, "does not ask for a stapled OCSP response")
        case .applicationProtocols where !connections.contains(where: \.offersProtocols):
            return entry(.skipped, "offers no application protocols (ALPN)")
        case .plainRequest where connections.contains(where: \.asksForWebSocket):
            // The cut is in the answer's head, which every client refuses; behind the head it is close frames that count.
            return entry(.skipped, "asks for a WebSocket, whose frames tell of a cut without close_notify (RFC 6455)")
        default: break
        }
        for (number, (outcome, attempt)) in zip(outcomes, facts.attempts).enumerated() {
            let which = facts.attempts.count == 1 ? "" : number == 0 ? ", the first time" : ", the second time"
            switch (outcome, attempt.expectation) {
            case (.accepted, .refuse): return entry(.wrong, "accepted" + which)
            case (.refused(let reason), .accept): return entry(.wrong, "refused\(which): \(reason)")
            case (.refused, .refuse) where mustSendNothing:
                // A client may connect several times for one call.
                guard !connections.contains(where: { $0.attempt == number && $0.hasSentData }) else {
                    return entry(.wrong, "refused\(which), but only after it had sent something")
                }
            default: break
            }
        }
        if case .refused(let reason) = outcomes.last { return entry(.right, "refused: \(reason)") }
        return entry(.right, "accepted")
    }
}
