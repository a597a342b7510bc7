import Testing

@testable import WebSocketProtocol

@Suite struct InternationalNameTests {
    /// RFC 3492 section 7.1, those that are names in lower case, and what registries have registered.
    @Test(
        "A name is converted to the form in which it is registered",
        arguments: [
            ("bücher.example", "xn--bcher-kva.example"),
            ("BÜCHER.Example.", "xn--bcher-kva.example."),
            ("bu\u{308}cher.example", "xn--bcher-kva.example"),
            ("例え.jp", "xn--r8jz45g.jp"),
            ("例え。jp", "xn--r8jz45g.jp"),
            ("點看.test", "xn--c1yn36f.test"),
            ("straße.de", "xn--strae-oqa.de"),
            ("STRAẞE.de", "xn--strae-oqa.de"),
            ("βόλος.com", "xn--nxasmm1c.com"),
            ("ΒΌΛΟΣ.com", "xn--nxasmq6b.com"),
            ("β\u{3BF}\u{301}λος.com", "xn--nxasmm1c.com"),
            ("ශ\u{DCA}\u{200D}ර\u{DD3}.com", "xn--10cl1a0b660p.com"),
            ("президент.рф", "xn--d1abbgf6aiiy.xn--p1ai"),
            ("مثال.إختبار", "xn--mgbh0fb.xn--kgbechtv"),
            ("דוגמה.טעסט", "xn--6dbbec0c.xn--deba0ad"),
            // The marks are put in order by their class.
            ("ش\u{651}\u{64E}.test", "xn--zgb6cj.test"),
            ("ش\u{64E}\u{651}.test", "xn--zgb6cj.test"),
            ("אב1.test", "xn--1-zhcd.test"),
            ("한국.kr", "xn--3e0b707e.kr"),
            ("\u{1112}\u{1161}\u{11AB}\u{1100}\u{116E}\u{11A8}.kr", "xn--3e0b707e.kr"),
            ("உதாரணம்.பரிட்சை", "xn--zkc6cc5bi7f6e.xn--hlcj6aya9esc7a"),
            ("বাংলা", "xn--54b7fta0cc"),
            ("स\u{921}\u{93C}क.test", "xn--11bx2era.test"),
            ("vi\u{EA}\u{323}t.vn", "xn--vit-5kz.vn"),
            ("vie\u{302}\u{323}t.vn", "xn--vit-5kz.vn"),
            ("ヴァ・イオ.jp", "xn--bckgs70ahb.jp"),
            ("ウ\u{3099}ァ・イオ.jp", "xn--bckgs70ahb.jp"),
            ("paral·lel.cat", "xn--parallel-koa.cat"),
            ("ｅｘＡｍｐｌｅ．ｃｏｍ", "example.com"),
            ("İ.test", "xn--i-9bb.test"),
            ("a.é.b", "a.xn--9ca.b"),
            ("他们为什么不说中文", "xn--ihqwcrb4cv8a8dqg056pqjye"),
            ("почемужеонинеговорятпорусски", "xn--b1abfaaepdrnnbgefbadotcwatmq2g4l"),
            ("למההםפשוטלאמדבריםעברית", "xn--4dbcagdahymbxekheh6e0a7fei0b"),
            ("tạisaohọkhôngthểchỉnóitiếngviệt", "xn--tisaohkhngthchnitingvit-kjcr8268qyxafd2f1b9g"),
        ])
    func conversions(name: String, ascii: String) throws {
        #expect(try InternationalName.ascii(name) == ascii)
        #expect(try Endpoint("wss://\(name):8443/x").host == ascii)
        // The result is taken again, and stays.
        #expect(try Endpoint("wss://\(ascii)/").host == ascii)
    }

    @Test(
        "What cannot be converted is refused with the reason, and with what to write instead",
        arguments: [
            ("a\u{200D}é.test", "zero width joiner or non-joiner, U+200D, that follows no virama"),
            ("نامه\u{200C}ای.test", "U+200C"),
            ("1א.test", "mixes writing directions"),
            ("אa.test", "mixes writing directions"),
            ("aא.test", "mixes writing directions"),
            ("א-.test", "hyphen"),
            ("אב.1a", "mixes writing directions"),
            ("1.אב", "mixes writing directions"),
            ("א\u{660}1.test", "mixes writing directions"),
            ("ا\u{661}\u{6F1}.test", "two kinds of Arabic digits"),
            ("🙂.test", "U+1F642"),
            ("é\u{202E}.test", "U+202E"),
            ("é\u{200B}.test", "U+200B"),
            ("é\u{A0}.test", "U+00A0"),
            ("é_.test", "U+005F"),
            ("é\u{2044}.test", "U+2044"),
            ("é\u{FF0F}.test", "U+FF0F"),
            ("½.test", "U+00BD"),
            ("ﬁé.test", "U+FB01"),
            ("\u{378}é.test", "U+0378"),
            ("\u{E000}é.test", "U+E000"),
            ("é\u{640}.test", "U+0640"),
            ("\u{301}a.test", "begins with a combining character"),
            ("-é.test", "hyphen"),
            ("é-.test", "hyphen"),
            ("xn--é.test", "hyphen"),
            ("a·b.test", "middle dot"),
            ("a・b.test", "katakana middle dot"),
            ("q\u{304}\u{300}e\u{315}\u{304}\u{317}ê\u{301}\u{301}.test", "combining characters"),
            (String(repeating: "é", count: 64) + ".test", "too long"),
            (
                String(repeating: "é", count: 20) + String(repeating: "x", count: 43) + ".test",
                "bytes in its ASCII form"
            ),
        ])
    func refusals(name: String, reason: String) throws {
        let failure = try #require(throws: InvalidEndpoint.self) { try Endpoint("wss://\(name)/") }
        #expect(failure.message.contains(reason), "\(failure.message)")
        #expect(
            failure.message.contains("Write the label as it was registered, in its ASCII form (such as xn--bcher-kva).")
        )
        #expect(failure.message.unicodeScalars.allSatisfy { (0x20...0x7E).contains($0.value) || $0 == "…" })
    }

    @Test("Random scalars are converted or refused without a trap, and what comes out is a host name")
    func random() {
        var generator = SystemRandomNumberGenerator()
        let interesting: [ClosedRange<UInt32>] = [
            0x20...0x7F, 0xC0...0x24F, 0x300...0x36F, 0x590...0x6FF, 0x900...0x9FF, 0x1100...0x11FF, 0x2000...0x206F,
            0x3040...0x30FF,
            0xFF00...0xFFEF, 0x0...0x10FFFF,
        ]
        for _ in 0..<5_000 {
            var name = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 1...12, using: &generator) {
                let range = interesting.randomElement(using: &generator) ?? 0x61...0x7A
                if let scalar = Unicode.Scalar(UInt32.random(in: range, using: &generator)) { name.append(scalar) }
            }
            guard let endpoint = try? Endpoint("ws://\(String(name))/") else { continue }
            #expect(endpoint.host.utf8.allSatisfy { (0x21...0x7E).contains($0) })
        }
    }

    @Test("A name as long as a message takes no time to refuse")
    func flood() {
        #expect(throws: InvalidEndpoint.self) { try Endpoint("ws://\(String(repeating: "é", count: 50_000))/") }
        #expect(throws: InvalidEndpoint.self) { try Endpoint("ws://\(String(repeating: "é.", count: 50_000))/") }
        #expect(throws: InvalidEndpoint.self) {
            try Endpoint("ws://e\(String(repeating: "\u{301}\u{323}", count: 25_000))/")
        }
    }
}
