import Foundation

/// A block of Swift in a document: an example that readers will paste.
struct Example: CustomStringConvertible, Sendable {
    /// The document, from the package's root.
    let document: String
    /// The line of the opening fence, from 1.
    let line: Int
    /// Without the imports, see ``imports``.
    let code: CodeLines
    let imports: Set<String>

    var description: String { "\(document):\(line)" }

    init(document: String, line: Int, text: [Substring]) {
        self.document = document
        self.line = line
        (code, imports) = CodeLines.split(text)
    }

    /// The blocks of a text that begin with a fence marked `swift` and nothing else.
    ///
    /// - Parameter prefix: The beginning of every line of a document that is a comment.
    static func all(in text: String, of document: String, prefix: String = "") -> [Example] {
        var examples: [Example] = []
        var block: (line: Int, text: [Substring])?
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            guard let content = content(of: line, prefix: prefix) else {
                block = nil
                continue
            }
            let fence = content.trimmingCharacters(in: .whitespaces)
            if let open = block {
                if fence == "```" {
                    examples.append(Example(document: document, line: open.line, text: open.text))
                    block = nil
                } else {
                    block?.text.append(content)
                }
            } else if fence == "```swift" {
                block = (index + 1, [])
            }
        }
        return examples
    }

    /// `nil` for a line that is no part of the document.
    private static func content(of line: Substring, prefix: String) -> Substring? {
        if prefix.isEmpty { return line }
        let trimmed = line.drop { $0 == " " }
        return trimmed.hasPrefix(prefix) ? trimmed.dropFirst(prefix.count) : nil
    }
}

/// Code without what does not change its meaning: indentation, empty lines, the width of a gap before a comment.
struct CodeLines: Equatable, Sendable {
    let lines: [String]

    /// Imports count for themselves: an example that shows them needs just these. `@main` does not count: a test has its own.
    static func split(_ text: [Substring]) -> (code: CodeLines, imports: Set<String>) {
        let lines = text.map { $0.split(separator: " ").joined(separator: " ") }
        let imports = lines.filter { $0.hasPrefix("import ") }
        return (
            CodeLines(lines: lines.filter { !$0.isEmpty && $0 != "@main" && !$0.hasPrefix("import ") }), Set(imports)
        )
    }

    func contains(_ other: CodeLines) -> Bool {
        guard !other.lines.isEmpty, lines.count >= other.lines.count else { return false }
        return (0...lines.count - other.lines.count).contains { start in
            lines[start..<start + other.lines.count].elementsEqual(other.lines)
        }
    }
}

/// The package's files.
enum PackageFiles {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Every example that the package shows: in documents, and in the comments of the libraries' sources.
    static func shownExamples() throws -> [Example] {
        let top = try FileManager.default.contentsOfDirectory(at: root, includingPropertiesForKeys: nil)
        let sources = try files(in: "Sources") { _ in true }
        let documents = (top + sources).filter { $0.pathExtension == "md" }
        let code = sources.filter { $0.pathExtension == "swift" }
        return try documents.flatMap { Example.all(in: try text(of: $0), of: name(of: $0)) }
            + code.flatMap { Example.all(in: try text(of: $0), of: name(of: $0), prefix: "///") }
    }

    /// The files of this target that hold the examples, as they are compiled.
    static func compiledExamples() throws -> [(code: CodeLines, imports: Set<String>)] {
        try files(in: "Tests/DocumentationTests/Examples") { $0.pathExtension == "swift" }.map {
            CodeLines.split(try text(of: $0).split(separator: "\n"))
        }
    }

    private static func files(in directory: String, where isWanted: (URL) -> Bool) throws -> [URL] {
        let names = try FileManager.default.subpathsOfDirectory(atPath: root.appending(path: directory).path())
        return names.sorted().map { root.appending(path: "\(directory)/\($0)") }.filter(isWanted)
    }

    static func text(ofFile path: String) throws -> String {
        try text(of: root.appending(path: path))
    }

    private static func text(of file: URL) throws -> String {
        try String(contentsOf: file, encoding: .utf8)
    }

    private static func name(of file: URL) -> String {
        String(file.path().dropFirst(root.path().count))
    }
}
