/// What WebSocket runs over, by its name in ALPN (RFC 7301 section 6): RFC 6455 knows HTTP/1.1 only.
enum ApplicationProtocol {
    static let http11 = Array("http/1.1".utf8)
}
