import ArgumentParser
import Testing

@testable import lwscat

/// What `--experimental-dump-help` tells, as the generator of manual pages reads it.
struct ToolInfo: Decodable {
    struct Command: Decodable {
        var commandName: String
        var defaultSubcommand: String?
        var discussion: String?
        var subcommands: [Command]?
        var arguments: [Argument]?
    }

    struct Argument: Decodable {
        struct Name: Decodable {
            var kind: String
            var name: String
        }

        var kind: String
        var names: [Name]?

        var longName: String? { names?.first { $0.kind == "long" }.map { "--\($0.name)" } }
    }

    var command: Command
}

@Suite("The options of a server")
struct ListeningOptionTests {
    /// Each option of lwscat with what a server does about it, and a value.
    private enum Role {
        case used, needsTLS, refused, neither
    }

    private static let options: [String: (role: Role, value: String?)] = [
        "--listen": (.neither, nil), "--help": (.neither, nil), "--version": (.neither, nil),
        // Belongs to --reconnect, without which it is refused for another reason.
        "--max-retries": (.neither, nil),
        "--wait": (.used, "1"), "--max-messages": (.used, "1"), "--binary": (.used, nil),
        "--close-code": (.used, "1000"), "--close-reason": (.used, "x"), "--json": (.used, nil),
        "--route": (.used, "x"), "--stats": (.used, nil), "--verbose": (.used, nil), "--color": (.used, "never"),
        "--subprotocol": (.used, "x"), "--maximum-size": (.used, "1"), "--no-compression": (.used, nil),
        "--ca": (.needsTLS, "x"), "--minimum-tls": (.needsTLS, "1.3"),
        "--cert": (.neither, nil), "--key": (.neither, nil),
        "--execute": (.refused, "x"), "--ping": (.refused, "1"), "--reconnect": (.refused, "fixed"),
        "--header": (.refused, "a: b"), "--auth": (.refused, "a:b"), "--cookie": (.refused, "a=b"),
        "--origin": (.refused, "x"), "--proxy": (.refused, "environment"), "--unix-socket": (.refused, "x"),
        "--timeout": (.refused, "1"), "--pin": (.refused, "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
        "--server-name": (.refused, "x"), "--insecure-untrusted-roots": (.refused, nil),
        "--insecure-any-hostname": (.refused, nil), "--insecure-expired-certificates": (.refused, nil),
    ]

    private func complaint(about arguments: [String]) -> String? {
        do {
            _ = try Connect.parse(["--listen", "0"] + arguments)
            return nil
        } catch {
            return Connect.message(for: error)
        }
    }

    @Test("Every option is used or refused; none is passed over in silence")
    func options() throws {
        let names = try Help.tool().command.arguments?.compactMap(\.longName) ?? []
        #expect(Set(names) == Set(Self.options.keys), "what does a server do about the new option?")
        let tls = ["--cert", "c", "--key", "k"]
        for (name, (role, value)) in Self.options {
            let arguments = [name] + (value.map { [$0] } ?? [])
            switch role {
            case .used: #expect(complaint(about: arguments) == nil)
            case .needsTLS:
                #expect(complaint(about: arguments) == "\(name) needs --cert and --key with --listen.")
                #expect(complaint(about: arguments + tls) == nil)
            case .refused: #expect(complaint(about: arguments + tls) == "\(name) is for connecting, not for --listen.")
            case .neither: break
            }
        }
        #expect(complaint(about: tls) == nil)
        #expect(complaint(about: ["--reconnect", "fixed", "--max-retries", "1"])?.contains("--reconnect") == true)
    }
}
