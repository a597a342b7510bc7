package import HTTPTypes
internal import LibWebSockets

#if canImport(FoundationNetworking)
    internal import Foundation
    package import FoundationNetworking
#else
    package import Foundation
#endif

/// The contents of a `URLRequest`, in the terms of this library.
package struct ShapeRequest: Sendable {
    package let url: String
    package var headers: HTTPFields = [:]
    package var subprotocols: [String] = []
    /// The time limit for connecting; `nil` where the request says nothing that could be meant.
    package let timeout: Duration?

    /// Reads a request.
    ///
    /// - Throws: `WebSocketError` with `invalidConfiguration` for a request without URL, and for a header that is none.
    package init(_ request: URLRequest) throws(WebSocketError) {
        guard let url = request.url else {
            throw WebSocketError(.invalidConfiguration, stage: .configuration, message: "the request has no URL")
        }
        self.url = url.absoluteString
        timeout = request.timeoutInterval > 0 ? .seconds(min(request.timeoutInterval, 86_400)) : nil
        for (name, value) in (request.allHTTPHeaderFields ?? [:]).sorted(by: { $0.key < $1.key }) {
            try add(name, value)
        }
    }

    /// Adds a header. Those that make the request an opening handshake are the library's own, but for the subprotocols.
    ///
    /// - Throws: `WebSocketError` with `invalidConfiguration` for what is no header.
    package mutating func add(_ name: String, _ value: String) throws(WebSocketError) {
        let key = name.lowercased()
        if key == "sec-websocket-protocol" {
            subprotocols += value.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        } else if !key.hasPrefix("sec-websocket-"), !Self.handshakeHeaders.contains(key) {
            headers.append(try HTTPField(checking: name, value))
        }
    }

    private static let handshakeHeaders: Set<String> = [
        "host", "upgrade", "connection", "content-length", "transfer-encoding",
    ]
}

extension HTTPField {
    /// A header as a program spells it.
    ///
    /// - Throws: `WebSocketError` with `invalidConfiguration` for a name that is no token, and for a value that cannot stand in
    ///   a header.
    package init(checking name: String, _ value: String) throws(WebSocketError) {
        guard let fieldName = Name(name), Self.isValidValue(value) else {
            throw WebSocketError(
                .invalidConfiguration, stage: .configuration, message: "the header \"\(name)\" cannot be sent")
        }
        self.init(name: fieldName, value: value)
    }
}
