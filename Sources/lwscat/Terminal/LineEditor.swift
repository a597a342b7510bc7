/// One line that is being written, and those written before: keys in, actions out.
struct LineEditor {
    enum Action: Hashable, Sendable {
        /// The line on the screen has changed.
        case redraw
        /// The line is done.
        case submit(String)
        case interrupt
        case endOfInput
        case clearScreen
    }

    private var decoder = KeyDecoder()
    private(set) var line: [Character] = []
    /// The number of characters left of the cursor.
    private(set) var cursor = 0
    private var history: [String] = []
    /// The entry that is shown; `history.count` for the one that is being written.
    private var position = 0
    /// The line that was being written when the history was entered.
    private var draft: [Character] = []
    private let historyLimit: Int

    init(historyLimit: Int = 1_000) { self.historyLimit = historyLimit }

    var text: String { String(line) }

    mutating func handle(_ bytes: some Sequence<UInt8>) -> [Action] {
        var actions: [Action] = []
        for key in decoder.decode(bytes) {
            guard let action = handle(key) else { continue }
            // Once is enough for all that was typed since the last line.
            if action != .redraw || actions.last != .redraw { actions.append(action) }
        }
        return actions
    }

    private mutating func handle(_ key: KeyDecoder.Key) -> Action? {
        switch key {
        case .character(let character): insert(character)
        case .enter: return .submit(submit())
        case .backspace:
            guard cursor > 0 else { return nil }
            cursor -= 1
            line.remove(at: cursor)
        case .delete:
            guard deleteForward() else { return nil }
        case .left:
            guard cursor > 0 else { return nil }
            cursor -= 1
        case .right:
            guard cursor < line.count else { return nil }
            cursor += 1
        case .home: cursor = 0
        case .end: cursor = line.count
        case .up: return move(to: position - 1)
        case .down: return move(to: position + 1)
        case .killToStart:
            line.removeFirst(cursor)
            cursor = 0
        case .killToEnd: line.removeLast(line.count - cursor)
        case .killWord: killWord()
        case .interrupt: return .interrupt
        case .endOfInput:
            // As in shells, it deletes while there is something to delete.
            if line.isEmpty { return .endOfInput }
            guard deleteForward() else { return nil }
        case .redraw: return .clearScreen
        }
        return .redraw
    }

    /// A combining mark joins the character before it, so that the cursor never stands between the two.
    private mutating func insert(_ character: Character) {
        if cursor > 0 {
            let joined = String(line[cursor - 1]) + String(character)
            if joined.count == 1, let single = joined.first {
                line[cursor - 1] = single
                return
            }
        }
        line.insert(character, at: cursor)
        cursor += 1
    }

    private mutating func deleteForward() -> Bool {
        guard cursor < line.count else { return false }
        line.remove(at: cursor)
        return true
    }

    private mutating func killWord() {
        var start = cursor
        while start > 0, line[start - 1].isWhitespace { start -= 1 }
        while start > 0, !line[start - 1].isWhitespace { start -= 1 }
        line.removeSubrange(start..<cursor)
        cursor = start
    }

    private mutating func submit() -> String {
        let text = text
        if !text.isEmpty, history.last != text { history.append(text) }
        if history.count > historyLimit { history.removeFirst(history.count - historyLimit) }
        (line, cursor, draft) = ([], 0, [])
        position = history.count
        return text
    }

    private mutating func move(to next: Int) -> Action? {
        guard (0...history.count).contains(next) else { return nil }
        if position == history.count { draft = line }
        position = next
        line = next == history.count ? draft : Array(history[next])
        cursor = line.count
        return .redraw
    }
}
