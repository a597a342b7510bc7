/// The content of the terminal's last row: a status, `>`, and as much of the line as fits around the cursor. A value.
struct PromptLine {
    var status = ""
    var line: [Character] = []
    var cursor = 0
    var columns = 80
    var style = Style.plain

    /// The bytes that draw it over whatever stands in the row, and leave the cursor where it belongs.
    var drawing: String {
        let status = status.isEmpty ? "" : "[\(status)] "
        // A status that leaves no room for the line is left out.
        let shownStatus = status.count + 12 > columns ? "" : status
        // The last column stays free: some terminals wrap as soon as it is written.
        let room = max(1, columns - shownStatus.count - 2 - 1)
        let (before, after) = window(room)
        let width = before.reduce(0) { $0 + Self.width(of: $1) }
        let column = shownStatus.count + 2 + width
        return """
            \r\u{1B}[K\(style.apply(.dim, to: shownStatus))\(style.apply(.sent, to: ">")) \(Self.shown(before + after))\
            \r\u{1B}[\(column)C
            """
    }

    /// Takes the row away, for something else to be written there.
    static let erasing = "\r\u{1B}[K"

    /// The characters before and after the cursor that fit.
    private func window(_ room: Int) -> (before: [Character], after: [Character]) {
        var left = room
        var start = cursor
        while start > 0, Self.width(of: line[start - 1]) <= left {
            start -= 1
            left -= Self.width(of: line[start])
        }
        var end = cursor
        while end < line.count, Self.width(of: line[end]) <= left {
            left -= Self.width(of: line[end])
            end += 1
        }
        return (Array(line[start..<cursor]), Array(line[cursor..<end]))
    }

    private static func shown(_ characters: [Character]) -> String {
        String(characters.map { $0.isTab ? " " : $0 }).visibleOnTerminal
    }

    /// Returns the number of columns that a character takes.
    static func width(of character: Character) -> Int {
        // A tab is shown as a space.
        if character.isTab || character.isASCII { return 1 }
        let shown = String(character).visibleOnTerminal
        return shown.count > 1 ? shown.count : character.unicodeScalars.contains(where: \.isWide) ? 2 : 1
    }
}

extension Character {
    fileprivate var isTab: Bool { self == "\t" }
}

extension Unicode.Scalar {
    /// The blocks whose characters are W or F in Unicode's EastAsianWidth.txt, roughly, and emoji. wcwidth(3) is hidden from
    /// Swift, and needs a locale.
    fileprivate var isWide: Bool {
        if properties.isEmojiPresentation { return true }
        switch value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
            0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x20000...0x3FFFD:
            return true
        default: return false
        }
    }
}
