import Testing
import WebSocketTesting

@testable import WebSocketProtocol

@Suite struct UTF8ValidatorTests {
    /// Each limit of RFC 3629, and the sequences of Autobahn's section 6.
    static let valid: [[UInt8]] = [
        [], [0x00], [0x7F], [0xC2, 0x80], [0xDF, 0xBF], [0xE0, 0xA0, 0x80], [0xEC, 0xBF, 0xBF], [0xED, 0x80, 0x80],
        [0xED, 0x9F, 0xBF], [0xEE, 0x80, 0x80], [0xEF, 0xBF, 0xBD], [0xEF, 0xBF, 0xBE], [0xEF, 0xBF, 0xBF],
        [0xF0, 0x90, 0x80, 0x80], [0xF0, 0x9F, 0xBF, 0xBF], [0xF3, 0xBF, 0xBF, 0xBF], [0xF4, 0x8F, 0xBF, 0xBF],
        Array("Hello-µ@ßöäüàá-UTF-8!!".utf8), Array("κόσμε".utf8), Array("消息推送 😀 déjà vu".utf8),
    ]

    /// Bytes that no valid text holds, with the number of them that it takes to be certain.
    static let invalid: [([UInt8], certainAfter: Int)] = [
        ([0x80], 1), ([0xBF], 1), ([0xC0, 0xAF], 1), ([0xC1, 0xBF], 1), ([0xF5, 0x80, 0x80, 0x80], 1),
        ([0xF8, 0x88, 0x80, 0x80, 0x80], 1), ([0xFC, 0x84, 0x80, 0x80, 0x80, 0x80], 1), ([0xFE], 1), ([0xFF], 1),
        ([0xC2, 0x41], 2), ([0xC2, 0xC2], 2), ([0xE0, 0x80, 0xAF], 2), ([0xE0, 0x9F, 0xBF], 2),
        ([0xED, 0xA0, 0x80], 2), ([0xED, 0xBF, 0xBF], 2), ([0xE2, 0x28, 0xA1], 2), ([0xE2, 0x82, 0x28], 3),
        ([0xF0, 0x80, 0x80, 0xAF], 2), ([0xF0, 0x8F, 0xBF, 0xBF], 2), ([0xF4, 0x90, 0x80, 0x80], 2),
        ([0xF0, 0x9F, 0x41, 0x80], 3), ([0xF0, 0x9F, 0x98, 0xC0], 4), ([0xF3, 0xBF, 0xBF, 0x7F], 4),
        // Autobahn 6.3.1: "κόσμε", a surrogate, "edited".
        ([0xCE, 0xBA, 0xE1, 0xBD, 0xB9, 0xCF, 0x83, 0xCE, 0xBC, 0xCE, 0xB5, 0xED, 0xA0, 0x80, 0x65], 13),
    ]

    static let incomplete: [[UInt8]] = [
        [0xC2], [0xE2], [0xE2, 0x82], [0xF0], [0xF0, 0x9F], [0xF0, 0x9F, 0x98], [0x61, 0xF4, 0x8F, 0xBF],
    ]

    @Test("Valid text is valid however it is cut", arguments: valid)
    func validTextIsValid(bytes: [UInt8]) {
        // With ASCII around it, so that the wide paths see it at every place.
        for padding in 0..<34 {
            let text = [UInt8](repeating: 0x61, count: padding) + bytes + [UInt8](repeating: 0x62, count: padding)
            #expect(text.withUnsafeBytes(UTF8Validator.isValid))
            for cut in 0...text.count { #expect(isValid(text, cutAt: cut), "cut at \(cut) of \(text)") }
        }
    }

    @Test("Invalid text fails at the byte that makes it certain, however it is cut", arguments: invalid)
    func invalidTextFailsAtItsByte(
        bytes: [UInt8], certainAfter: Int
    ) {
        for padding in 0..<34 {
            let lead = [UInt8](repeating: 0x61, count: padding)
            let text = lead + bytes
            var validator = UTF8Validator()
            for (index, byte) in text.enumerated() {
                let accepted = [byte].withUnsafeBytes { validator.consume($0) }
                #expect(accepted == (index + 1 < padding + certainAfter))
                if !accepted { break }
            }
            // Bytes to come cannot heal it, and neither can a cut.
            let longer = text + [UInt8](repeating: 0x62, count: 40)
            for cut in 0...longer.count { #expect(!isValid(longer, cutAt: cut)) }
        }
    }

    @Test("A text that ends inside a sequence is neither wrong nor complete", arguments: incomplete)
    func unfinishedTextIsNeither(bytes: [UInt8]) {
        var validator = UTF8Validator()
        #expect(bytes.withUnsafeBytes { validator.consume($0) })
        #expect(!validator.isComplete)
        #expect(!bytes.withUnsafeBytes(UTF8Validator.isValid))
    }

    /// The standard library is the reference.
    @Test("Random bytes are judged as the standard library judges them", arguments: 0..<20 as Range<UInt64>)
    func randomBytesAreJudgedAlike(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        // Bytes that matter to UTF-8, so that long valid runs happen.
        let alphabet: [UInt8] = [
            0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xF0, 0xF4,
        ]
        for _ in 0..<2_000 {
            let count = Int.random(in: 0...12, using: &generator)
            let bytes = (0..<count).compactMap { _ in alphabet.randomElement(using: &generator) }
            let expected = String(validating: bytes, as: UTF8.self) != nil
            #expect(bytes.withUnsafeBytes(UTF8Validator.isValid) == expected, "\(bytes)")
            #expect(isValid(bytes, cutAt: count / 2) == expected, "\(bytes) cut at \(count / 2)")
        }
    }

    @Test(
        "Random text is valid, and with any one byte broken wrong the way the standard library says",
        arguments: 0..<20 as Range<UInt64>)
    func randomTextIsJudgedAlike(
        seed: UInt64
    ) {
        var generator = SeededGenerator(seed: seed)
        let scalars: [Character] = ["a", "z", " ", "é", "ß", "€", "推", "😀", "\u{10FFFF}", "\u{7FF}", "\u{800}"]
        for _ in 0..<200 {
            let text = String((0..<60).compactMap { _ in scalars.randomElement(using: &generator) })
            var bytes = Array(text.utf8)
            #expect(bytes.withUnsafeBytes(UTF8Validator.isValid))
            let index = Int.random(in: bytes.indices, using: &generator)
            bytes[index] = UInt8.random(in: .min ... .max, using: &generator)
            let expected = String(validating: bytes, as: UTF8.self) != nil
            #expect(bytes.withUnsafeBytes(UTF8Validator.isValid) == expected)
            #expect(isValid(bytes, cutAt: index) == expected)
        }
    }

    private func isValid(_ bytes: [UInt8], cutAt cut: Int) -> Bool {
        var validator = UTF8Validator()
        return bytes[..<cut].withUnsafeBytes { validator.consume($0) }
            && bytes[cut...].withUnsafeBytes { validator.consume($0) } && validator.isComplete
    }
}
