import HTTPTypes

/// A client's opening handshake that a server can accept (RFC 6455 section 4.2.1).
package struct UpgradeOffer: Hashable, Sendable {
    package let head: UpgradeRequestHead
    package let key: HandshakeKey
    /// In the client's order of preference.
    package let subprotocols: [String]
    package let extensions: [WebSocketExtension]

    package init(_ head: UpgradeRequestHead) throws(UpgradeRejection) {
        try Self.checkRequest(head)
        try Self.checkUpgrade(head.headers)
        guard let key = head.headers[.secWebSocketKey].flatMap(HandshakeKey.init(received:)) else {
            throw UpgradeRejection(.badRequest, "Sec-WebSocket-Key must be the base64 of 16 bytes, once.")
        }
        self.head = head
        self.key = key
        subprotocols = try Self.subprotocols(head.headers)
        extensions = try Self.extensions(head.headers)
    }

    private static func checkRequest(_ head: UpgradeRequestHead) throws(UpgradeRejection) {
        guard head.version.hasPrefix("HTTP/1."), head.version != "HTTP/1.0" else {
            throw UpgradeRejection(
                .httpVersionNotSupported, "WebSocket needs HTTP/1.1, not \(HeaderSyntax.quoted(head.version)).")
        }
        guard head.method == "GET" else {
            throw UpgradeRejection(
                .methodNotAllowed, headers: [.allow: "GET"], "WebSocket needs the method GET, not \(head.method).")
        }
        guard head.target.hasPrefix("/"), !head.target.contains("#") else {
            throw UpgradeRejection(
                .badRequest, "The target \(HeaderSyntax.quoted(head.target)) is no path (RFC 9112 section 3.2.1).")
        }
        try checkHost(head.headers)
        // A body would be taken for frames.
        guard !head.headers.contains(.transferEncoding),
            head.headers[values: .contentLength].allSatisfy({ $0 == "0" })
        else {
            throw UpgradeRejection(.badRequest, "An opening handshake has no body.")
        }
    }

    /// RFC 9112 section 3.2.
    private static func checkHost(_ headers: HTTPFields) throws(UpgradeRejection) {
        let hosts = headers.filter { $0.name.canonicalName == "host" }
        guard hosts.count == 1 else { throw UpgradeRejection(.badRequest, "The request must have one Host header.") }
        let value = hosts[0].value
        var parser = EndpointParser("ws://\(value)")
        // A URL may have more around a host and its port, or in an international name, than a Host header may.
        let isAuthority = value.utf8.allSatisfy { $0 < 0x80 && !"/?#@".utf8.contains($0) }
        guard isAuthority, (try? parser.origin()) != nil else {
            throw UpgradeRejection(
                .badRequest,
                "The Host header \(HeaderSyntax.quoted(value)) is no host with an optional port (RFC 9110 section 7.2)."
            )
        }
    }

    private static func checkUpgrade(_ headers: HTTPFields) throws(UpgradeRejection) {
        guard headers.listContains(.upgrade, "websocket") else {
            throw UpgradeRejection(
                .upgradeRequired,
                headers: [.upgrade: "websocket", .connection: "Upgrade"],
                "This is a WebSocket endpoint: the header Upgrade must name websocket.")
        }
        guard headers.listContains(.connection, "upgrade") else {
            throw UpgradeRejection(.badRequest, "The header Connection must name Upgrade.")
        }
        guard headers[values: .secWebSocketVersion] == ["13"] else {
            throw UpgradeRejection(
                .upgradeRequired,
                headers: [.upgrade: "websocket", .connection: "Upgrade", .secWebSocketVersion: "13"],
                "Only version 13 of the WebSocket protocol is spoken here.")
        }
    }

    private static func subprotocols(_ headers: HTTPFields) throws(UpgradeRejection) -> [String] {
        let names = headers.listMembers(.secWebSocketProtocol)
        guard names.allSatisfy(HeaderSyntax.isToken), Set(names).count == names.count else {
            throw UpgradeRejection(.badRequest, "Sec-WebSocket-Protocol must list different tokens.")
        }
        return names
    }

    private static func extensions(_ headers: HTTPFields) throws(UpgradeRejection) -> [WebSocketExtension] {
        var offers: [WebSocketExtension] = []
        for value in headers[values: .secWebSocketExtensions] {
            guard let members = WebSocketExtension.parse(value) else {
                throw UpgradeRejection(.badRequest, "Sec-WebSocket-Extensions is malformed.")
            }
            offers += members
        }
        return offers
    }
}
