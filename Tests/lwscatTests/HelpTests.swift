import ArgumentParser
import Foundation
import Testing
import WebSocketService

@testable import lwscat

enum Help {
    /// What the manual page is made of.
    static func tool() throws -> ToolInfo {
        do {
            _ = try Lwscat.parse(["--experimental-dump-help"])
        } catch {
            return try JSONDecoder().decode(ToolInfo.self, from: Data(Lwscat.fullMessage(for: error).utf8))
        }
        throw CancellationError()
    }
}

@Suite("Help, errors and the manual page")
struct HelpTests {
    private static let help = Connect.helpMessage(columns: 80)
    private static let tlsHelp = InspectTLS.helpMessage(columns: 80)

    @Test("The manual page has the options where they are typed, and tls as a subcommand that may be left out")
    func manual() throws {
        let command = try Help.tool().command
        #expect(command.commandName == "lwscat")
        #expect(command.arguments?.first?.kind == "positional")
        for option in ["--reconnect", "--listen", "--ca"] {
            #expect(command.arguments?.contains { $0.longName == option } == true)
        }
        let tls = try #require(command.subcommands?.first)
        #expect(tls.commandName == "lwscat tls")
        #expect(command.defaultSubcommand == tls.commandName)
        #expect(command.discussion == Connect.configuration.discussion)
    }

    @Test("An error says how lwscat is used, and where there is more")
    func usage() throws {
        let error = ValidationError("no")
        #expect(Connect.fullMessage(for: error).contains("Usage: lwscat [options] <url>"))
        #expect(Connect.fullMessage(for: error).contains("See 'lwscat --help'"))
        #expect(InspectTLS.fullMessage(for: error).contains("Usage: lwscat tls [options] <url>"))
        #expect(InspectTLS.fullMessage(for: error).contains("See 'lwscat tls --help'"))
    }

    @Test("No row of the tables is broken, in 80 columns and in a manual page, which has 73 for them")
    func tables() {
        for table in [LineEditor.help, JSONFormat.help, EndStatus.help] {
            let rows = table.split(separator: "\n").filter { $0.hasPrefix("  ") }
            #expect(rows.count > 5)
            for row in rows {
                #expect(row.count <= 73, "\(row)")
                #expect(Self.help.contains("\n\(row)\n"), "\(row)")
            }
        }
    }

    @Test("Each key of the prompt is in the help")
    func keys() {
        for letter in "abcdefghijklmnopqrstuvwxyz" {
            guard let byte = letter.asciiValue.map({ $0 & 0x1F }), ![0x08, 0x09, 0x0A, 0x0D].contains(byte) else {
                continue
            }
            var decoder = KeyDecoder()
            let isKey = !decoder.decode([byte]).isEmpty
            #expect(Self.help.contains("ctrl-\(letter)") == isKey, "ctrl-\(letter)")
        }
    }

    @Test("What a subcommand or a mode has nothing to do with is not in its help, and no list is there twice")
    func texts() {
        #expect(!Self.tlsHelp.contains("--listen"))
        #expect(Self.help.contains("Your certificate chain"))
        #expect(Self.help.split(separator: "persistent, linear").count == 2)
    }

    // MARK: JSON

    /// A notice of every kind, with all that it can have. A new kind does not compile until it has one here.
    private static func notices(like notice: Notice) -> [Notice] {
        var counts = Counts()
        counts.add(roundTrip: .seconds(1))
        return switch notice {
        case .listening: [.listening("ws://a")]
        case .opened: [.opened("a", subprotocol: "b")]
        case .message:
            [.message(.text("a"), route: "b", peer: "c"), .message(.binary([1]), route: "b", peer: "c")]
        case .roundTrip: [.roundTrip(.seconds(1))]
        case .closed, .clientLeft: [.closed(.goingAway, reason: "a"), .clientLeft("a", .goingAway, reason: "b")]
        case .failed: [.failed("a", .tls, hint: "b")]
        case .waiting: [.waiting(.seconds(1), attempt: 2)]
        case .notSent: [.notSent("a")]
        case .end: [.end(.orderly, counts)]
        }
    }

    private static let kinds: [Notice] = [
        .listening(""), .opened("", subprotocol: nil), .message(.text(""), route: nil), .roundTrip(.zero),
        .closed(.goingAway, reason: ""), .failed("", .tls), .waiting(.zero, attempt: 1), .notSent(""),
        .end(.orderly, Counts()),
    ]

    @Test("Every event and key of --json is documented, and every one that is documented is printed")
    func json() throws {
        var printed: [String: Set<String>] = [:]
        var statistics: Set<String> = []
        for notice in Self.kinds.flatMap(Self.notices(like:)) {
            for isServer in [false, true] {
                let line = JSONFormat(isServer: isServer).output(for: notice, at: .now)[0].text
                let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] ?? [:]
                let event = try #require(object["event"] as? String)
                printed[event, default: []].formUnion(Set(object.keys).subtracting(["event", "time"]))
                statistics.formUnion((object["statistics"] as? [String: Any] ?? [:]).keys)
            }
        }
        let documented = JSONFormat.documented.map { ($0.event, Set($0.keys)) }
        #expect(printed == Dictionary(uniqueKeysWithValues: documented))
        #expect(statistics == Set(JSONFormat.statisticsKeys))
        // What is documented is in the help, whatever its lines are.
        let words = Self.help.split { $0.isWhitespace || ",:\".".contains($0) }.map(String.init)
        for (event, keys) in documented {
            #expect(words.contains(event))
            for key in keys { #expect(words.contains(key), "\(key)") }
        }
        for key in JSONFormat.statisticsKeys + EndStatus.documented.map(\.name) {
            #expect(words.contains(key), "\(key)")
        }
    }

    @Test("A version of TLS of which nothing can be told is null in JSON")
    func tlsVersions() throws {
        var report = TLSReport(server: "wss://a", expectedName: "a", trustRoots: "system", pinCount: 0)
        report.versions = [TLSReport.Version(version: .tls12, isSpoken: nil)]
        let object = try JSONSerialization.jsonObject(with: Data(report.json.utf8)) as? [String: Any]
        #expect((object?["versions"] as? [String: Any])?["TLS 1.2"] is NSNull)
    }
}
