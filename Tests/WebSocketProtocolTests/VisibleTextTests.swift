import Testing
import WebSocketProtocol

@Suite struct VisibleTextTests {
    @Test(
        "What a peer wrote is shown on one line, and nothing in it acts on the reader's terminal",
        arguments: [
            ("plain text, größer: 例", "plain text, größer: 例"),
            ("a\r\nINFO forged\t", "a\\r\\nINFO forged\\t"),
            ("\u{1B}[31mred\u{7}", "\\u{1B}[31mred\\u{07}"),
            ("\u{202E}turned\u{200B}\u{FEFF}", "\\u{202E}turned\\u{200B}\\u{FEFF}"),
            ("\u{2028}\u{85}\u{0}", "\\u{2028}\\u{0085}\\0"),
            ("\u{E0041}\u{FE0F}\u{E000}", "\\u{000E0041}\\u{FE0F}\\u{E000}"),
            ("", ""),
        ])
    func table(text: String, shown: String) {
        #expect(text.visible(limit: 100) == shown)
    }

    @Test("No more than the limit is shown, and that there was more")
    func limit() {
        #expect("abc".visible(limit: 3) == "abc")
        #expect("abcd".visible(limit: 3) == "abc…")
        #expect(String(repeating: "e\u{301}", count: 100_000).visible(limit: 4).unicodeScalars.count == 5)
    }
}
