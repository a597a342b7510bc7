public import HTTPTypes
internal import WebSocketProtocol

/// The HTTP response with which a server refused the opening handshake.
public struct UpgradeRefusal: Hashable, Sendable {
    /// The response's status, any but 101.
    public let status: HTTPResponse.Status
    /// The response's headers, all of them.
    public let headers: HTTPFields
    /// The first 64 KiB of the body.
    public let body: [UInt8]
    /// The wait that the server asks for (`Retry-After`, RFC 9110 section 10.2.3), counted from the response.
    public let retryAfter: Duration?

    /// Makes a refusal: for transports of your own, and for tests.
    public init(status: HTTPResponse.Status, headers: HTTPFields, body: [UInt8], retryAfter: Duration?) {
        self.status = status
        self.headers = headers
        self.body = body
        self.retryAfter = retryAfter
    }

    init(_ response: RefusedResponse) {
        self.init(status: response.head.status, headers: response.head.headers, body: response.body)
    }

    init(status: HTTPResponse.Status, headers: HTTPFields, body: [UInt8]) {
        self.init(
            status: status, headers: headers, body: body,
            retryAfter: headers[.retryAfter].flatMap { RetryAfter.delay($0, date: headers[.date]) })
    }

    /// - Parameter origin: The request's `Origin` header.
    func error(endpoint: Endpoint, origin: String? = nil) -> WebSocketError {
        let words = excerpt.map { ". It says: \($0)" } ?? ""
        return WebSocketError(
            .upgradeRefused, stage: .upgrade,
            message: """
                \(endpoint.origin)\(Self.path(of: endpoint)) refused the upgrade with status \(status.code): \
                \(advice(origin: origin))\(words)
                """, refusal: self)
    }

    /// Without the query, in which there may be secrets.
    private static func path(of endpoint: Endpoint) -> String {
        String(endpoint.target.prefix { $0 != "?" }).visible(limit: 200)
    }

    private func advice(origin: String?) -> String {
        if isRedirect {
            if let locationProblem {
                return
                    "it redirects, but \(locationProblem); check the URL, and ask whoever runs the server where it leads"
            }
            return "it redirects to \((headers[.location] ?? "").visible(limit: 200)); use that URL if you trust it"
        }
        switch status.code {
        case 200..<300: return "it is a web server, but no WebSocket endpoint is at this path"
        case 401: return "check the credentials in the request's headers"
        case 403: return forbiddenAdvice(origin: origin)
        case 404: return "check the URL's path"
        case 407: return "a proxy in front of it wants credentials"
        case 429, 503: return retryAfter.map { "it asks to try again in \($0.words)" } ?? "try again later"
        default: return "its body may say why"
        }
    }

    private func forbiddenAdvice(origin: String?) -> String {
        let sent = origin.map { "this request's was \($0.visible(limit: 100))" } ?? "this request had none"
        if headers[.wwwAuthenticate] != nil { return "check the credentials in the request's headers" }
        // RFC 6455 section 10.2: servers refuse pages of other sites with this status.
        if bodyText?.lowercased().contains("origin") == true {
            return "it does not take the request's Origin header (\(sent)); set the one that it expects in the headers"
        }
        return """
            check the credentials in the request's headers, and the Origin header, by which servers let certain sites in \
            only (\(sent))
            """
    }

    /// The statuses that ask the client to go elsewhere (RFC 9110 section 15.4).
    static let redirectStatuses: Set<Int> = [301, 302, 303, 307, 308]

    private var isRedirect: Bool { Self.redirectStatuses.contains(status.code) }

    /// The reason why the redirect leads nowhere; `nil` when it leads somewhere.
    var locationProblem: String? {
        switch headers[values: .location] {
        case []: "has no Location header, so that it leads nowhere"
        case [""]: "has an empty Location header, so that it leads nowhere"
        case let several where several.count > 1: "has several Location headers, which may lead to different places"
        default: nil
        }
    }

    /// The first KiB of the body as text: `nil` where there is none, or it is a page or a file. As the server wrote it: it may
    /// hold anything that is not a control character.
    public var bodyText: String? {
        let type = (headers[.contentType] ?? "text/plain").prefix { $0 != ";" }.lowercased()
        guard type == "text/plain" || type == "application/json" || type == "application/problem+json", !body.isEmpty
        else {
            return nil
        }
        let text = String(decoding: body.prefix(Self.excerptLength), as: UTF8.self)
        // Something else under a wrong name. A cut in the middle of a character leaves a replacement character, and no more.
        let isText = text.unicodeScalars.allSatisfy {
            $0.properties.generalCategory != .control || $0.properties.isWhitespace
        }
        return isText ? text : nil
    }

    private var excerpt: String? {
        let words = (bodyText ?? "").split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return words.isEmpty ? nil : "\"\(words.visible(limit: 200))\""
    }

    private static let excerptLength = 1 << 10
}
