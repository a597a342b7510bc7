import Foundation
import Testing

@Suite("The server of scripts/docs --serve", .needsEchoServer, .timeLimit(.minutes(5))) struct DocumentationServerTests
{
    private static let program = TestServers.directory.deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "scripts/documentation/serve.py")

    @Test("It shows a page of contents, the archives below their names, and nothing outside of them")
    func pages() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "documentation-\(UUID())")
        let article = directory.appending(path: "Archives/Module.doccarchive/documentation/module")
        try FileManager.default.createDirectory(at: article, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        try Data("the article".utf8).write(to: article.appending(path: "index.html"))
        try Data("secret".utf8).write(to: directory.appending(path: "outside.doccarchive"))

        let process = try ExternalProcess(
            executable: TestServers.python,
            arguments: [
                Self.program.path, directory.appending(path: "Archives").path,
                "0",
            ],
            standardError: directory.appending(path: "log"))
        defer { process.send(SIGKILL) }
        let line = try #require(await process.nextLine(within: .seconds(60)))
        let words = String(decoding: line, as: UTF8.self)
        let port = try #require(words.firstMatch(of: /127\.0\.0\.1:([0-9]+)\//).flatMap { UInt16($0.1) })

        #expect(
            try HTTPProbe.page(port: port, path: "/").contains(#"<a href="/Module/documentation/module/">Module</a>"#))
        #expect(try HTTPProbe.page(port: port, path: "/Module/documentation/module/?a=b").hasSuffix("the article"))
        for path in ["/Module.doccarchive/documentation/module/", "/Other/", "/../outside", "/%2e%2e/outside"] {
            #expect(try HTTPProbe.page(port: port, path: path).hasPrefix("HTTP/1.0 404"), "\(path)")
        }
    }
}
