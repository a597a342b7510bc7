import Foundation
import WebSocketService

/// The place of notices: lines of a pipe, lines of JSON, or lines above a prompt.
@MainActor
final class Screen {
    enum Format {
        case text(TextFormat)
        case json(JSONFormat)
    }

    private let format: Format
    private let writer = Writer()
    private var prompt: PromptLine?
    private let terminal: RawTerminal?

    /// - Parameter terminal: Set when a person sits there; then there is a prompt.
    init(format: Format, style: Style, terminal: RawTerminal?) {
        self.format = format
        self.terminal = terminal
        prompt = terminal == nil ? nil : PromptLine(style: style)
        try? drawPrompt()
    }

    func print(_ notice: Notice) throws(Writer.OutputClosed) {
        let outputs =
            switch format {
            case .text(let format): format.output(for: notice)
            case .json(let format): format.output(for: notice, at: Date())
            }
        guard !outputs.isEmpty else { return }
        guard prompt != nil else {
            for output in outputs { try writer.write(output) }
            return
        }
        // In one piece, so that the row does not flicker.
        try writer.write(PromptLine.erasing + outputs.map(\.text).joined(), to: 1)
        try drawPrompt()
    }

    func setStatus(_ status: String) {
        guard prompt != nil, prompt?.status != status else { return }
        prompt?.status = status
        try? drawPrompt()
    }

    func show(_ editor: LineEditor) {
        prompt?.line = editor.line
        prompt?.cursor = editor.cursor
        try? drawPrompt()
    }

    /// Leaves a line that was sent where it stands, and begins a new row.
    func commit(_ line: String) {
        guard let style = prompt?.style else { return }
        let shown = "\(style.apply(.sent, to: ">")) \(line.visibleOnTerminal)\n"
        try? writer.write(PromptLine.erasing + shown, to: 1)
    }

    func clear() {
        // Erase in display, then the cursor home (ECMA-48 sections 8.3.39 and 8.3.21).
        try? writer.write("\u{1B}[2J\u{1B}[H", to: 1)
        try? drawPrompt()
    }

    /// Takes the prompt away and gives the terminal back.
    func close() {
        guard prompt != nil else { return }
        prompt = nil
        try? writer.write(PromptLine.erasing, to: 1)
        terminal?.restore()
    }

    private func drawPrompt() throws(Writer.OutputClosed) {
        guard prompt != nil else { return }
        prompt?.columns = RawTerminal.columns
        if let drawing = prompt?.drawing { try writer.write(drawing, to: 1) }
    }
}
