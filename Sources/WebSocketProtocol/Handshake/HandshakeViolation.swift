/// A fault in the server's answer to the opening handshake (RFC 6455 section 4.1). The connection must not be used.
package struct HandshakeViolation: Error, Hashable {
    package enum Rule: Hashable, Sendable {
        case statusNot101(Int)
        /// `Upgrade` does not name `websocket`; `found` is `nil` when the header is missing.
        case upgrade(found: String?)
        /// `Connection` does not name `Upgrade`; `found` is `nil` when the header is missing.
        case connection(found: String?)
        /// `Sec-WebSocket-Accept` is not the digest of the key; `found` is `nil` when the header is missing.
        case accept(expected: String, found: String?)
        case subprotocolNotOffered(String, offered: [String])
        case severalSubprotocols([String])
        case extensionNotOffered(String)
        case extensionsMalformed(String)
        /// permessage-deflate with parameters that do not correspond to the offer.
        case deflateParameters(String, DeflateParameterProblem)
    }

    package let rule: Rule

    init(_ rule: Rule) {
        self.rule = rule
    }
}

extension HandshakeViolation: CustomStringConvertible {
    package var description: String {
        "The server's answer to the opening handshake is invalid: \(summary) (\(section))."
    }

    private var summary: String {
        switch rule {
        case .statusNot101(let status): "status \(status) instead of 101"
        case .upgrade(nil): "header Upgrade is missing"
        case .upgrade(let found?): "header Upgrade is \(HeaderSyntax.quoted(found)) instead of \"websocket\""
        case .connection(nil): "header Connection is missing"
        case .connection(let found?): "header Connection is \(HeaderSyntax.quoted(found)) without \"Upgrade\""
        case .accept(_, nil): "header Sec-WebSocket-Accept is missing"
        case .accept(let expected, let found?):
            "header Sec-WebSocket-Accept is \(HeaderSyntax.quoted(found)) instead of \"\(expected)\""
        case .subprotocolNotOffered(let name, let offered) where offered.isEmpty:
            "subprotocol \(HeaderSyntax.quoted(name)) was chosen, but none was offered"
        case .subprotocolNotOffered(let name, let offered):
            "subprotocol \(HeaderSyntax.quoted(name)) is not one of those offered: \(offered.joined(separator: ", "))"
        case .severalSubprotocols(let names):
            "several subprotocols were chosen: \(HeaderSyntax.quoted(names.joined(separator: ", ")))"
        case .extensionNotOffered(let name): "extension \(HeaderSyntax.quoted(name)) was not offered"
        case .extensionsMalformed(let value):
            "header Sec-WebSocket-Extensions is malformed: \(HeaderSyntax.quoted(value))"
        case .deflateParameters(let answer, let problem): "extension \(HeaderSyntax.quoted(answer)): \(problem)"
        }
    }

    private var section: String {
        switch rule {
        case .deflateParameters: "RFC 7692 section 7.1"
        case .extensionsMalformed: "RFC 6455 section 9.1"
        default: "RFC 6455 section 4.1"
        }
    }
}
