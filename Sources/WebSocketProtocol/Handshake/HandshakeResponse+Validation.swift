package import HTTPTypes

extension HandshakeResponse {
    /// Accepts the server's answer to `request`, if it keeps every rule of RFC 6455 section 4.1. A status other than
    /// 101 is a refusal, which the caller reports with all that belongs to it; here it is only recognised. A 101 has no
    /// body, whatever `Content-Length` or `Transfer-Encoding` say (RFC 9112 section 6.3): some servers send them.
    ///
    /// What the answer says of deflate is for ``DeflateParameters/init(agreed:offered:)``.
    package init(
        status: HTTPResponse.Status, headers: HTTPFields, answering request: UpgradeRequest
    ) throws(HandshakeViolation) {
        guard status.code == 101 else { throw HandshakeViolation(.statusNot101(status.code)) }
        guard headers.listContains(.upgrade, "websocket") else {
            throw HandshakeViolation(.upgrade(found: headers[.upgrade]))
        }
        guard headers.listContains(.connection, "upgrade") else {
            throw HandshakeViolation(.connection(found: headers[.connection]))
        }
        let expected = request.key.acceptValue
        guard headers[values: .secWebSocketAccept] == [expected] else {
            throw HandshakeViolation(.accept(expected: expected, found: headers[.secWebSocketAccept]))
        }
        self.init(
            status: status,
            headers: headers,
            subprotocol: try Self.subprotocol(in: headers, offered: request.subprotocols),
            extensions: try Self.extensions(in: headers, offered: request.extensions)
        )
    }

    private static func subprotocol(
        in headers: HTTPFields, offered: [String]
    ) throws(HandshakeViolation) -> String? {
        let chosen = headers.listMembers(.secWebSocketProtocol)
        guard chosen.count <= 1 else { throw HandshakeViolation(.severalSubprotocols(chosen)) }
        guard let name = chosen.first else {
            // An empty value is no subprotocol either, and nobody offered it.
            if headers.contains(.secWebSocketProtocol) {
                throw HandshakeViolation(.subprotocolNotOffered("", offered: offered))
            }
            return nil
        }
        guard offered.contains(name) else {
            throw HandshakeViolation(.subprotocolNotOffered(name, offered: offered))
        }
        return name
    }

    private static func extensions(
        in headers: HTTPFields, offered: [WebSocketExtension]
    ) throws(HandshakeViolation) -> [WebSocketExtension] {
        var agreed: [WebSocketExtension] = []
        for value in headers[values: .secWebSocketExtensions] {
            guard let members = WebSocketExtension.parse(value) else {
                throw HandshakeViolation(.extensionsMalformed(value))
            }
            agreed += members
        }
        for member in agreed where !offered.contains(where: { $0.name == member.name }) {
            throw HandshakeViolation(.extensionNotOffered(member.name))
        }
        return agreed
    }
}
