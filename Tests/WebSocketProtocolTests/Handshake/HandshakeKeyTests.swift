import Testing

@testable import WebSocketProtocol

@Suite struct HandshakeKeyTests {
    /// RFC 6455 section 1.3.
    @Test func `the RFC's sample key has the RFC's sample answer`() throws {
        let source = RandomByteSource { bytes in
            for (index, byte) in "the sample nonce".utf8.enumerated() { bytes[index] = byte }
        }
        let key = try HandshakeKey(source)
        #expect(key.value == "dGhlIHNhbXBsZSBub25jZQ==")
        #expect(key.acceptValue == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(HandshakeKey(received: "dGhlIHNhbXBsZSBub25jZQ==") == key)
    }

    @Test(
        arguments: [
            "", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25j", "AAAA",
            "dGhlIHNhbXBsZSBub25jZSE=", "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==",
        ])
    func `a received key that is not 16 bytes is none`(value: String) {
        #expect(HandshakeKey(received: value) == nil)
    }

    @Test func `without random bytes there is no key`() {
        let source = RandomByteSource { _ throws(RandomSourceFailure) in
            throw RandomSourceFailure(description: "no entropy")
        }
        #expect(throws: RandomSourceFailure(description: "no entropy")) { try HandshakeKey(source) }
    }
}
