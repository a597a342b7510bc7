/// Cuts bytes into lines, and says which of them are text.
struct LineSplitter {
    private var pending: [UInt8] = []

    /// The lines that are complete, without their ends (LF or CR LF).
    mutating func add(_ bytes: [UInt8]) -> [String] {
        var lines: [String] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                lines.append(take())
            } else {
                pending.append(byte)
            }
        }
        return lines
    }

    /// Returns the text behind the last line's end; `nil` when there is nothing.
    mutating func finish() -> String? {
        pending.isEmpty ? nil : take()
    }

    private mutating func take() -> String {
        if pending.last == UInt8(ascii: "\r") { pending.removeLast() }
        defer { pending = [] }
        // Text messages are UTF-8 (RFC 6455 section 5.6): other bytes become U+FFFD.
        return String(decoding: pending, as: UTF8.self)
    }
}
