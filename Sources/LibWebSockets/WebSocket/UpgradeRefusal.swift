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
    /// How long the server asks to wait (`Retry-After`, RFC 9110 section 10.2.3), counted from the response.
    public let retryAfter: Duration?

    /// Makes a refusal: for transports of your own, and for tests.
    public init(status: HTTPResponse.Status, headers: HTTPFields, body: [UInt8], retryAfter: Duration?) {
        self.status = status
        self.headers = headers
        self.body = body
        self.retryAfter = retryAfter
    }

    init(head: ResponseHead, body: [UInt8]) {
        self.init(
            status: HTTPResponse.Status(code: head.status), headers: head.headers, body: body,
            retryAfter: head.headers[.retryAfter].flatMap { RetryAfter.delay($0, date: head.headers[.date]) })
    }

    func error(endpoint: Endpoint) -> WebSocketError {
        let advice =
            switch status.code {
            case 100..<200: "it answers with an interim response first, which is not supported"
            case 200..<300: "it is a web server, but no WebSocket endpoint is at this path"
            case 300..<400:
                "it redirects to \(headers[.location].map { $0.prefix(200) } ?? "nowhere"); use that URL if you trust it"
            case 401, 403: "check the credentials in the request's headers"
            case 404: "check the URL's path"
            case 429, 503: retryAfter.map { "it asks to try again in \($0)" } ?? "try again later"
            default: "its body may say why"
            }
        return WebSocketError(
            .upgradeRefused, stage: .upgrade,
            message: "\(endpoint.origin) refused the upgrade with status \(status.code): \(advice)", refusal: self)
    }
}
