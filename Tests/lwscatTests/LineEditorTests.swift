import Testing

@testable import lwscat

@Suite("The line editor")
struct LineEditorTests {
    private static let up = "\u{1B}[A"
    private static let down = "\u{1B}[B"
    private static let right = "\u{1B}[C"
    private static let left = "\u{1B}[D"

    @Test(
        "Keys make a line, with the cursor where it belongs",
        arguments: [
            ("abc", "abc", 3),
            ("abc\(left)\(left)X", "aXbc", 2),
            ("abc\(left)\(right)\(right)d", "abcd", 4),
            ("abc\u{1}X", "Xabc", 1),
            ("abc\u{1}\u{5}X", "abcX", 4),
            ("abc\u{1B}[HX", "Xabc", 1),
            ("abc\u{1B}[1~\u{1B}[4~X", "abcX", 4),
            ("abc\u{1B}OH\u{1B}OFX", "abcX", 4),
            ("abc\u{7F}", "ab", 2),
            ("abc\u{8}", "ab", 2),
            ("\u{7F}\u{7F}a", "a", 1),
            ("abc\(left)\(left)\u{1B}[3~", "ac", 1),
            ("abc\(left)\u{4}", "ab", 2),
            ("abc def\u{15}", "", 0),
            ("abc def\(left)\u{15}", "f", 0),
            ("abc\u{1}\u{B}", "", 0),
            ("abc def  \u{17}", "abc ", 4),
            ("abc def\u{17}\u{17}\u{17}", "", 0),
            ("wört日本", "wört日本", 6),
            ("日本\u{7F}", "日", 1),
            ("e\u{301}x\(left)\(left)y", "ye\u{301}x", 1),
            ("👩\u{200D}💻\u{7F}", "", 0),
            ("a\u{1B}[1;5Cb", "ab", 2),
            ("a\u{1B}[99~\u{1B}[Zb", "ab", 2),
            ("\u{0}\u{1A}a", "a", 1),
        ])
    func editing(keys: String, line: String, cursor: Int) {
        var editor = LineEditor()
        _ = editor.handle(keys.utf8)
        #expect(editor.text == line)
        #expect(editor.cursor == cursor)
    }

    @Test("However the bytes are cut, the line is the same")
    func cuts() {
        let keys = Array("wört日本👩\u{200D}💻\(Self.left)\u{1B}[3~\u{1B}OHx".utf8)
        var whole = LineEditor()
        _ = whole.handle(keys)
        var cut = LineEditor()
        for byte in keys { _ = cut.handle([byte]) }
        #expect(cut.text == whole.text)
        #expect(cut.text == "xwört日本")
    }

    @Test("Bytes that are no UTF-8 and sequences without end do no harm")
    func hostileBytes() {
        var editor = LineEditor()
        _ = editor.handle([0xFF, 0xC3, 0x28, 0xE2, 0x82, 0x41, 0x80, 0xED, 0xA0, 0x80])
        #expect(editor.text == "(A")
        _ = editor.handle([0x1B, 0x5B] + [UInt8](repeating: 0x31, count: 10_000) + Array("ab\r".utf8))
        #expect(editor.text.isEmpty)
    }

    @Test("Enter hands the line over, whichever of its codes the terminal sends", arguments: ["\r", "\n"])
    func submit(enter: String) {
        var editor = LineEditor()
        #expect(editor.handle("hello\(enter)".utf8) == [.redraw, .submit("hello")])
        #expect(editor.text.isEmpty)
        #expect(editor.handle(enter.utf8) == [.submit("")])
    }

    @Test("Several lines that are pasted are several lines")
    func paste() {
        var editor = LineEditor()
        let actions = editor.handle("one\rtwo\rthr".utf8)
        #expect(actions == [.redraw, .submit("one"), .redraw, .submit("two"), .redraw])
        #expect(editor.text == "thr")
    }

    @Test("Up and down go through the lines before, and back to what was being written")
    func history() {
        var editor = LineEditor()
        _ = editor.handle("one\rtwo\rtwo\r\rdraft".utf8)
        func shown(_ keys: String) -> String {
            _ = editor.handle(keys.utf8)
            return editor.text
        }
        #expect(shown(Self.up) == "two")
        #expect(shown(Self.up) == "one", "a line twice in a row, and an empty one, are no new entries")
        #expect(shown(Self.up) == "one")
        #expect(shown(Self.down) == "two")
        #expect(shown(Self.down) == "draft")
        #expect(shown(Self.down) == "draft")
        #expect(shown("\(Self.up)!\r") == "")
        #expect(shown(Self.up) == "two!")
        #expect(shown(Self.up) == "two")
    }

    @Test("The history has a bound")
    func historyLimit() {
        var editor = LineEditor(historyLimit: 2)
        _ = editor.handle("one\rtwo\rthree\r".utf8)
        _ = editor.handle("\(Self.up)\(Self.up)\(Self.up)".utf8)
        #expect(editor.text == "two")
    }

    @Test("ctrl-c interrupts, ctrl-d ends on an empty line only")
    func ends() {
        var editor = LineEditor()
        #expect(editor.handle([3]) == [.interrupt])
        #expect(editor.handle([4]) == [.endOfInput])
        _ = editor.handle("a".utf8)
        #expect(editor.handle([4]) == [])
        #expect(editor.handle([12]) == [.clearScreen])
    }
}
