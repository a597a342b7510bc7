/// Routes by the value of a top-level key of a JSON object (RFC 8259), found without decoding the rest.
///
/// A string is its own route, with its escapes resolved. A number, `true`, `false` or `null` is one as it is written:
/// `{"op":10}` has the route `10`. An object or array is none. Of a key that occurs twice the first one wins, which differs
/// from decoders that let the last one win. A text that is not valid JSON has the route that its valid beginning gives;
/// decoding it fails.
public struct JSONRouter: MessageRouter {
    /// For texts about what was looked for.
    let routeKey: String
    private let route: JSONKeyScanner
    private let correlation: JSONKeyScanner
    private let method = JSONKeyScanner(key: "method")
    private let encodedCorrelationKey: [UInt8]

    /// A router by the values of these keys.
    ///
    /// - Parameters:
    ///   - routeKey: The key of the route. The default is `socketType`.
    ///   - correlationKey: The key that a reply copies from its request. The default is `id`.
    public init(routeKey: String = "socketType", correlationKey: String = "id") {
        self.routeKey = routeKey
        route = JSONKeyScanner(key: routeKey)
        correlation = JSONKeyScanner(key: correlationKey)
        encodedCorrelationKey = JSONString.escape(correlationKey)
    }

    public func route(of message: WebSocketMessage) -> String? {
        route.firstText(in: message.payload.span)
    }

    /// Returns the value under the correlation key; `nil` also for `null`, which answers no request in particular (JSON-RPC
    /// 2.0, section 5).
    public func correlationID(of message: WebSocketMessage) -> String? {
        let bytes = message.payload.span
        if case .literal(let range)? = correlation.firstValue(in: bytes), bytes[range.lowerBound] == UInt8(ascii: "n") {
            return nil
        }
        return correlation.firstText(in: bytes)
    }

    /// Tells whether the message has a key `method`, as a request has and an answer has not (JSON-RPC 2.0, sections 4 and
    /// 5).
    public func isRequest(_ message: WebSocketMessage) -> Bool {
        method.firstValue(in: message.payload.span) != nil
    }

    public func correlated(
        _ request: WebSocketMessage, proposedID: UInt64
    ) -> (message: WebSocketMessage, id: String)? {
        if let id = correlationID(of: request) { return (request, id) }
        // A second key beside one that is there already would be read by some peers and not by others.
        guard correlation.firstValue(in: request.payload.span) == nil else { return nil }
        let payload = request.payload
        var cursor = JSONCursor()
        guard cursor.skip(.openBrace, in: payload.span) else { return nil }
        let start = payload.startIndex + cursor.position
        let isEmpty = cursor.skip(.closeBrace, in: payload.span)
        var bytes = Array(payload[..<start])
        bytes += encodedCorrelationKey
        bytes.append(.colon)
        bytes += String(proposedID).utf8
        if !isEmpty { bytes.append(.comma) }
        bytes += payload[start...]
        let kind = request.kind
        return (WebSocketMessage(kind: kind, validatedPayload: bytes[...]), String(proposedID))
    }
}

extension MessageRouter where Self == JSONRouter {
    /// Routes by the value of a top-level key of a JSON object.
    public static func json(routeKey: String = "socketType", correlationKey: String = "id") -> JSONRouter {
        JSONRouter(routeKey: routeKey, correlationKey: correlationKey)
    }
}
