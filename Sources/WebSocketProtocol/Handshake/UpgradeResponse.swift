package import HTTPTypes

/// A server's answer to an opening handshake, to the last byte.
package enum UpgradeResponse {
    /// The answer that accepts (RFC 6455 section 4.2.2).
    /// - Parameters:
    ///   - subprotocol: One of those that were offered.
    ///   - extensions: Answers to those that were offered.
    ///   - headers: Further ones. As in ``UpgradeRequest``, those that make the handshake what it is cannot be set.
    /// - Throws: The response to send instead when `subprotocol` or `headers` cannot be sent: it is the server's own fault.
    package static func accepting(
        _ offer: UpgradeOffer,
        subprotocol: String? = nil,
        extensions: [WebSocketExtension] = [],
        headers: HTTPFields = [:]
    ) throws(UpgradeRejection) -> [UInt8] {
        for field in headers {
            if let problem = field.handshakeProblem { throw UpgradeRejection(.internalServerError, problem) }
        }
        if let subprotocol, !offer.subprotocols.contains(subprotocol) {
            throw UpgradeRejection(
                .internalServerError,
                "Subprotocol \(HeaderSyntax.quoted(subprotocol)) was chosen, but not offered (RFC 6455 section 4.2.2).")
        }
        var fields: HTTPFields = [
            .upgrade: "websocket",
            .connection: "Upgrade",
            .secWebSocketAccept: offer.key.acceptValue,
        ]
        if let subprotocol { fields[.secWebSocketProtocol] = subprotocol }
        if !extensions.isEmpty {
            fields[.secWebSocketExtensions] = extensions.map(\.description).joined(separator: ", ")
        }
        fields.append(contentsOf: headers)
        return head(.switchingProtocols, fields)
    }

    /// The answer that refuses. The connection is to be closed after it.
    package static func refusing(_ rejection: UpgradeRejection) -> [UInt8] {
        refusing(rejection.status, headers: rejection.headers, body: Array("\(rejection.message)\n".utf8))
    }

    /// The answer that refuses. The connection is to be closed after it.
    package static func refusing(
        _ status: HTTPResponse.Status, headers: HTTPFields = [:], body: [UInt8] = []
    ) -> [UInt8] {
        var fields = headers
        // The length of the body is set here, and nowhere else.
        fields[.transferEncoding] = nil
        fields[.contentLength] = String(body.count)
        // The last response on this connection, whatever else is asked of the client (RFC 9112 section 9.6).
        if !fields.listContains(.connection, "close") {
            fields.append(HTTPField(name: .connection, value: "close"))
        }
        if !body.isEmpty, !fields.contains(.contentType) { fields[.contentType] = "text/plain; charset=utf-8" }
        return head(status, fields) + body
    }

    private static func head(_ status: HTTPResponse.Status, _ fields: HTTPFields) -> [UInt8] {
        var bytes = Array("HTTP/1.1 \(status.code) \(status.reasonPhrase)\r\n".utf8)
        for field in fields {
            bytes += field.name.rawName.utf8
            bytes += ": ".utf8
            field.withUnsafeBytesOfValue { bytes.append(contentsOf: $0) }
            bytes += "\r\n".utf8
        }
        bytes += "\r\n".utf8
        return bytes
    }
}
