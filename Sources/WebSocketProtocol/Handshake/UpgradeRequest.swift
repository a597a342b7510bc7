package import HTTPTypes

/// A client's opening handshake (RFC 6455 section 4.1), with every string checked: nothing that a user passes in can
/// end a line early or add one.
package struct UpgradeRequest: Hashable, Sendable {
    package static let defaultMaximumSize = 16 * 1024

    package let endpoint: Endpoint
    package let key: HandshakeKey
    package let subprotocols: [String]
    package let extensions: [WebSocketExtension]
    /// The fields that go out after the request line and `Host`, in order.
    private let fields: [(name: String, value: [UInt8])]

    /// Makes the opening handshake.
    ///
    /// - Parameters:
    ///   - subprotocols: Offered in order of preference.
    ///   - headers: Further ones, such as `Origin`, `Cookie` and `Authorization`. Those that make the request what it
    ///     is cannot be replaced: `Host`, `Upgrade`, `Connection`, `Content-Length`, `Transfer-Encoding` and every
    ///     `Sec-WebSocket-…`.
    ///   - maximumSize: Of the whole request in bytes; servers commonly refuse more than 8 or 16 KiB.
    package init(
        endpoint: Endpoint,
        key: HandshakeKey,
        subprotocols: [String] = [],
        extensions: [WebSocketExtension] = [],
        headers: HTTPFields = [:],
        maximumSize: Int = defaultMaximumSize
    ) throws(InvalidUpgradeRequest) {
        try Self.check(subprotocols: subprotocols)
        try Self.check(extensions: extensions)
        for field in headers {
            if let problem = field.handshakeProblem { throw InvalidUpgradeRequest(problem) }
        }
        self.endpoint = endpoint
        self.key = key
        self.subprotocols = subprotocols
        self.extensions = extensions

        var fields: [(name: String, value: [UInt8])] = [
            ("Upgrade", Array("websocket".utf8)),
            ("Connection", Array("Upgrade".utf8)),
            ("Sec-WebSocket-Key", Array(key.value.utf8)),
            ("Sec-WebSocket-Version", Array("13".utf8)),
        ]
        if !subprotocols.isEmpty {
            fields.append(("Sec-WebSocket-Protocol", Array(subprotocols.joined(separator: ", ").utf8)))
        }
        if !extensions.isEmpty {
            let offers = extensions.map(\.description).joined(separator: ", ")
            fields.append(("Sec-WebSocket-Extensions", Array(offers.utf8)))
        }
        if let credentials = endpoint.credentials, !headers.contains(.authorization) {
            fields.append(("Authorization", Array(credentials.basicAuthorization.utf8)))
        }
        for field in headers {
            fields.append((field.name.rawName, field.withUnsafeBytesOfValue { Array($0) }))
        }
        self.fields = fields

        let size = bytes.count
        guard size <= maximumSize else {
            throw InvalidUpgradeRequest(
                "The opening handshake takes \(size) bytes, more than the \(maximumSize) allowed: "
                    + "shorten the URL, the headers or the list of subprotocols.")
        }
    }

    /// The whole request, to the last byte.
    package var bytes: [UInt8] {
        let start = "GET \(endpoint.target) HTTP/1.1\r\nHost: \(endpoint.hostHeader)\r\n"
        return Array(start.utf8) + headerLines + Array("\r\n".utf8)
    }

    /// The header lines without the request line, `Host` and the final empty line, for an HTTP client that writes those
    /// itself. Each ends with CR LF.
    package var headerLines: [UInt8] {
        var lines: [UInt8] = []
        for field in fields {
            lines += field.name.utf8
            lines += ": ".utf8
            lines += field.value
            lines += "\r\n".utf8
        }
        return lines
    }

    package static func == (left: UpgradeRequest, right: UpgradeRequest) -> Bool {
        left.bytes == right.bytes
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(bytes)
    }
}

extension UpgradeRequest {
    private static func check(subprotocols: [String]) throws(InvalidUpgradeRequest) {
        var seen: Set<String> = []
        for name in subprotocols {
            guard HeaderSyntax.isToken(name) else {
                throw InvalidUpgradeRequest(
                    "Subprotocol \(HeaderSyntax.quoted(name)) is not a token: RFC 6455 section 4.1 allows letters, "
                        + "digits and !#$%&'*+-.^_`|~ only.")
            }
            guard seen.insert(name).inserted else {
                throw InvalidUpgradeRequest(
                    "Subprotocol \(HeaderSyntax.quoted(name)) is offered twice (RFC 6455 section 4.1).")
            }
        }
    }

    private static func check(extensions: [WebSocketExtension]) throws(InvalidUpgradeRequest) {
        for offer in extensions where !offer.isWellFormed {
            throw InvalidUpgradeRequest(
                "Extension \(HeaderSyntax.quoted(offer.description)) is not made of tokens "
                    + "(RFC 6455 section 9.1).")
        }
    }
}
