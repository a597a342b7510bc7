import Testing

@testable import WebSocketProtocol

@Suite struct SHA1Tests {
    /// RFC 3174 section 7.3, and the empty message.
    @Test(
        "The RFC's test vectors have their digests",
        arguments: [
            ("", 1, "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            ("abc", 1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
                "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
            ),
            ("a", 1_000_000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f"),
            (
                "0123456701234567012345670123456701234567012345670123456701234567", 10,
                "dea356a2cddd90c7a7ecedc5ebb563934f460452"
            ),
        ])
    func rfcVectors(text: String, repetitions: Int, digest: String) {
        let message = Array(String(repeating: text, count: repetitions).utf8)
        let hex = SHA1.digest(of: message).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(hex == digest)
    }

    /// Digests by coreutils' `sha1sum` of as many `a`: around the lengths where the padding takes another block.
    @Test(
        "Messages that end around a block's end have their digests",
        arguments: [
            (55, "c1c8bbdc22796e28c0e15163d20899b65621d65a"),
            (56, "c2db330f6083854c99d4b5bfb6e8f29f201be699"),
            (63, "03f09f5b158a7a8cdad920bddc29b81c18a551f5"),
            (64, "0098ba824b5c16427bd7a1122a5a442a25ec644d"),
            (65, "11655326c708d70319be2610e8a57d9a5b959d3b"),
        ])
    func lengthsAroundBlockEnd(length: Int, digest: String) {
        let hex = SHA1.digest(of: [UInt8](repeating: 0x61, count: length))
            .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(hex == digest)
    }
}
