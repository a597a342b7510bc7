import Testing

@testable import WebSocketProtocol

@Suite struct HandshakeKeyTests {
    /// RFC 6455 section 1.3.
    @Test func `the RFC's sample key has the RFC's sample answer`() throws {
        let key = try #require(HandshakeKey(received: "dGhlIHNhbXBsZSBub25jZQ=="))
        #expect(key.acceptValue == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    }
}
