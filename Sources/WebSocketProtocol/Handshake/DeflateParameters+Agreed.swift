extension DeflateParameters {
    /// Reads the parameters that a server has agreed to; `nil` when it declined.
    /// - Throws: A violation when the answer does not correspond to an offer (RFC 7692 section 7.1).
    package init?(
        agreed answer: [WebSocketExtension], offered: [WebSocketExtension]
    ) throws(HandshakeViolation) {
        let members = answer.filter { $0.name == Self.extensionName }
        guard let member = members.first else { return nil }
        do throws(DeflateParameterProblem) {
            guard members.count == 1 else { throw .severalAnswers }
            self = try DeflateParameters(member, isOffer: false)
            try check(againstAnyOf: offered.filter { $0.name == Self.extensionName })
        } catch {
            throw HandshakeViolation(.deflateParameters(member.description, error))
        }
    }
}
