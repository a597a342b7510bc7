import Testing

/// No document shows an example that does not compile: the files in `Examples` are compiled with this target, and every
/// example must be in one of them, line by line.
@Suite("The documentation's examples") struct ExamplesTests {
    @Test("Every example that the documentation shows is compiled", arguments: try PackageFiles.shownExamples())
    func everyExampleIsCompiled(example: Example) throws {
        let isCompiled = try PackageFiles.compiledExamples().contains {
            $0.code.contains(example.code) && (example.imports.isEmpty || $0.imports == example.imports)
        }
        #expect(isCompiled, "\(example): no file in Tests/DocumentationTests/Examples has these lines")
    }

    @Test(
        "Examples are found in the README, in articles and in comments",
        arguments: [
            "README.md", "Sources/LibWebSockets/Documentation.docc/GettingStarted.md",
            "Sources/WebSocketService/Documentation.docc/Reconnecting.md",
            "Sources/WebSocketTesting/Support/ManualClock.swift",
        ])
    func examplesAreFound(document: String) throws {
        #expect(try PackageFiles.shownExamples().contains { $0.document == document })
    }

    @Test("Each code of WebSocketError stands in the table of the article on errors")
    func codesAreExplained() throws {
        let source = try PackageFiles.text(ofFile: "Sources/LibWebSockets/Errors/WebSocketError.swift")
        let article = try PackageFiles.text(ofFile: "Sources/LibWebSockets/Documentation.docc/HandlingErrors.md")
        let codes = source.matches(of: /public static let (\w+) = Code\(/).map(\.1)
        #expect(codes.count > 15)
        for code in codes { #expect(article.contains("\n| `\(code)` |"), "\(code)") }
    }

    @Test("Only blocks marked as Swift are examples, with their imports apart")
    func onlyBlocksMarkedAsSwiftAreExamples() {
        let document = """
            ```swift
            import Testing

            let a = 1
            ```
            ```
            .package(url: "…")
            ```
            ```bash
            scripts/demo
            ```
              ```swift
              let b = 2
              ```
            """
        let examples = Example.all(in: document, of: "X.md")
        #expect(examples.map(\.line) == [1, 12])
        #expect(examples.map(\.code.lines) == [["let a = 1"], ["let b = 2"]])
        #expect(examples.map(\.imports) == [["import Testing"], []])
    }

    @Test("An example in a comment ends with the comment") func examplesInCommentsEndWithTheComment() {
        let source = """
            /// Does it.
            ///
            /// ```swift
            /// let a = 1
            /// ```
            let a = 1
            /// ```swift
            let b = 2
            """
        let examples = Example.all(in: source, of: "X.swift", prefix: "///")
        #expect(examples.map(\.code.lines) == [["let a = 1"]])
    }

    @Test(
        "A block is found only whole and in order, whatever its indentation and empty lines",
        arguments: [
            ("b\nc", true), ("  b\n\n    c", true), ("@main\nb", true),
            ("a\nc", false), ("b\nd", false), ("a\nb\nc\nd", false), ("b c", false), ("", false),
        ] as [(String, Bool)])
    func aBlockIsFoundWholeAndInOrder(block: String, isFound: Bool) {
        let file = CodeLines.split("a\n  b\n\n  c".split(separator: "\n")).code
        #expect(file.contains(CodeLines.split(block.split(separator: "\n")).code) == isFound)
    }
}
