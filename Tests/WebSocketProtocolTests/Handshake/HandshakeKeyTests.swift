import Testing

@testable import WebSocketProtocol

@Suite struct HandshakeKeyTests {
    /// RFC 6455 section 1.3.
    @Test("The RFC's sample key has the RFC's sample answer") func sampleKeyHasSampleAnswer() throws {
        let source = RandomByteSource { bytes in
            for (index, byte) in "the sample nonce".utf8.enumerated() { bytes[index] = byte }
        }
        let key = try HandshakeKey(source)
        #expect(key.value == "dGhlIHNhbXBsZSBub25jZQ==")
        #expect(key.acceptValue == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(HandshakeKey(received: "dGhlIHNhbXBsZSBub25jZQ==") == key)
    }

    @Test(
        "A received key that is not 16 bytes is none",
        arguments: [
            "", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25j", "AAAA",
            "dGhlIHNhbXBsZSBub25jZSE=", "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==",
        ])
    func wrongKeyLengthIsNone(value: String) {
        #expect(HandshakeKey(received: value) == nil)
    }

    @Test("Without random bytes there is no key") func noRandomBytesNoKey() {
        let source = RandomByteSource { _ throws(RandomSourceFailure) in
            throw RandomSourceFailure(description: "no entropy")
        }
        #expect(throws: RandomSourceFailure(description: "no entropy")) { try HandshakeKey(source) }
    }
}
