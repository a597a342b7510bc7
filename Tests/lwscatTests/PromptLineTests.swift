import Testing

@testable import lwscat

@Suite("The prompt's row")
struct PromptLineTests {
    /// The drawn line: the text, and the column of the cursor.
    private func row(_ line: String, cursor: Int? = nil, columns: Int = 20, status: String = "") -> (String, Int) {
        let characters = Array(line)
        let prompt = PromptLine(
            status: status, line: characters, cursor: cursor ?? characters.count, columns: columns)
        let pieces = prompt.drawing.split(separator: "\r", omittingEmptySubsequences: true)
        let text = pieces[0].dropFirst("\u{1B}[K".count)
        let column = Int(pieces[1].dropFirst(2).dropLast()) ?? -1
        return (String(text), column)
    }

    @Test("The cursor stands behind what was written")
    func cursor() {
        #expect(row("abc") == ("> abc", 5))
        #expect(row("abc", cursor: 1) == ("> abc", 3))
        #expect(row("") == ("> ", 2))
        #expect(row("日本", cursor: 1) == ("> 日本", 4))
        #expect(row("a\tb") == ("> a b", 5))
    }

    @Test("A line longer than the row is shown around the cursor, and never wraps")
    func window() {
        let alphabet = "abcdefghijklmnopqrstuvwxyz"
        #expect(row(alphabet) == ("> jklmnopqrstuvwxyz", 19))
        #expect(row(alphabet, cursor: 0) == ("> abcdefghijklmnopq", 2))
        for columns in 1...40 {
            for cursor in 0...26 {
                let (text, column) = row(alphabet, cursor: cursor, columns: columns)
                #expect(text.count <= max(columns - 1, 3))
                #expect(column <= max(columns - 1, 3))
            }
        }
    }

    @Test("A status stands in front, unless it leaves no room")
    func status() {
        #expect(row("abc", columns: 40, status: "attempt 2") == ("[attempt 2] > abc", 17))
        #expect(row("abc", columns: 20, status: "attempt 2") == ("> abc", 5))
    }

    @Test("What cannot be seen is shown, and counts as it is shown")
    func invisible() {
        #expect(row("a\u{202E}b") == ("> a\\u{202E}b", 12))
    }
}
