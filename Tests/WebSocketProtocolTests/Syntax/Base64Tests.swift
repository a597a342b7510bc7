import Testing

@testable import WebSocketProtocol

@Suite struct Base64Tests {
    /// RFC 4648 section 10.
    @Test(
        "The RFC's test vectors are encoded and decoded",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ])
    func rfcVectors(text: String, encoded: String) {
        #expect(Base64.encode(text.utf8) == encoded)
        #expect(Base64.decode(encoded) == Array(text.utf8))
    }

    @Test("Every byte comes back") func everyByteComesBack() {
        for count in 0...70 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 89 &+ count) }
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
        }
        #expect(Base64.encode([0xFB, 0xFF, 0xBF]) == "+/+/")
    }

    @Test(
        "What is not base64 is refused",
        arguments: [
            "Z", "Zg", "Zg=", "Zg===", "Z===", "=", "====", "Zg==Zg==", "Z=g=", "Zm9v\n", "Zm 9v", "Zm-_", "Zmé=",
        ])
    func notBase64IsRefused(text: String) {
        #expect(Base64.decode(text) == nil)
    }
}
