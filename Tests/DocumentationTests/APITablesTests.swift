import Foundation
import Testing

/// The tables that say for each member of a client's API what there is of it: `OriginalAPI` lists the members, each with
/// its type.
@Suite("The tables of the originals' APIs") struct APITablesTests {
    struct Row: Hashable {
        var member: String
        var verdict: String
        var note: String
    }

    private static let tables = [
        ("Browser", "BrowserCompat"), ("Starscream", "StarscreamCompat"), ("URLSession", "URLSessionCompat"),
        ("WebSocketKit", "WebSocketKitCompat"),
    ]

    @Test("The table of a shape has every member of the original's API", arguments: tables)
    func everyMemberIsInTheTable(client: String, module: String) throws {
        let rows = Set(try Self.rows(client, module).map(\.member))
        let list = PackageFiles.root.appending(path: "Tests/DocumentationTests/OriginalAPI/\(client).txt")
        let members = try String(contentsOf: list, encoding: .utf8).split(separator: "\n").map(String.init)
        #expect(members.count > 20)
        #expect(members.filter { !rows.contains($0) } == [])
    }

    @Test("No cell of a table is empty, and what differs or is missing has a note", arguments: tables)
    func noCellIsEmptyAndEveryVerdictIsOne(client: String, module: String) throws {
        for row in try Self.rows(client, module) {
            #expect(["yes", "differs", "no"].contains(row.verdict) && !row.note.isEmpty, "\(row)")
            // The note says what differs or is missing.
            #expect(row.verdict == "yes" || row.note != "same", "\(row)")
        }
    }

    /// A row for each member, under the heading of its type.
    private static func rows(_ client: String, _ module: String) throws -> [Row] {
        let document = PackageFiles.root.appending(
            path: "Sources/WebSocketCompat/\(module)/Documentation.docc/\(client)API.md")
        var (rows, type) = ([Row](), "")
        for line in try String(contentsOf: document, encoding: .utf8).split(separator: "\n") {
            if line.hasPrefix("## ") { type = String(line.dropFirst(3)) }
            guard line.hasPrefix("| `") else { continue }
            let cells = line.split(separator: "|", omittingEmptySubsequences: false).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            let members = cells[1].split(separator: "`").filter { $0 != ", " }
            try #require(cells.count == 5)
            rows += members.map { Row(member: "\(type)/\($0)", verdict: cells[2], note: cells[3]) }
        }
        return rows
    }
}
