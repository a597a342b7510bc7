import Foundation
import Testing

@Suite("lwscat's completions", .timeLimit(.minutes(5)))
struct LwscatCompletionTests {
    /// What bash offers for the last of these words, which are parted as bash does: at colons too.
    private func offered(_ words: String...) async throws -> Set<String> {
        let line = (["lwscat"] + words)
        let quoted = line.map { "'\($0)'" }.joined(separator: " ")
        let text = line.joined(separator: " ")
        let last = words.last ?? ""
        let previous = line.dropLast().last ?? ""
        let lines = try await LwscatProcess.shell(
            """
            source <('\(LwscatProcess.executable.path)' --generate-completion-script bash)
            COMP_WORDS=(\(quoted)) COMP_CWORD=\(words.count) COMP_LINE='\(text)' COMP_POINT=\(text.count)
            _lwscat lwscat '\(last)' '\(previous)'
            printf '%s\\n' "${COMPREPLY[@]}"
            """)
        return Set(lines).subtracting([""])
    }

    @Test("bash offers the options where they are typed: alone, behind a URL, and behind other options")
    func options() async throws {
        #expect(try await offered("--rec") == ["--reconnect"])
        #expect(try await offered("wss", ":", "//x", "--rec") == ["--reconnect"])
        #expect(try await offered("wss", ":", "//x/", "--json", "--rec") == ["--reconnect"])
        #expect(
            try await offered("--proxy", "http", ":", "//a", ":", "1", "wss", ":", "//x", "--rec") == ["--reconnect"])
        let all = try await offered("--")
        for option in ["--listen", "--ca", "--execute", "--route", "--help", "--version"] {
            #expect(all.contains(option), "\(option)")
        }
        #expect(try await offered("tls", "--serv") == ["--server-name"])
    }

    @Test("bash offers the words that an option takes, and the other first word")
    func values() async throws {
        #expect(try await offered("--reconnect", "") == ["exponential", "persistent", "linear", "fixed"])
        #expect(try await offered("--color", "") == ["auto", "always", "never"])
        #expect(try await offered("--wait", "f") == ["forever"])
        #expect(try await offered("--proxy", "e") == ["environment"])
        #expect(try await offered("t") == ["tls"])
    }

    @Test("bash offers files where a file is asked for, and no words of the command line's")
    func files() async throws {
        let offered = try await offered("--ca", "")
        for word in ["connect", "tls", "help"] { #expect(!offered.contains(word)) }
        #expect(try await self.offered("--ca", "/etc/ss").contains("/etc/ssl"))
    }

    @Test("zsh and fish are told the options as those of the command itself", arguments: ["zsh", "fish"])
    func otherShells(shell: String) async throws {
        let script = try await LwscatProcess.output(of: ["--generate-completion-script", shell])
        #expect(script.status == 0)
        let text = script.lines.joined(separator: "\n")
        for option in ["reconnect", "insecure-any-hostname", "max-messages", "route"] {
            #expect(text.contains(option), "\(option)")
        }
        #expect(!text.contains("lwscat connect") && !text.contains("_lwscat_connect"))
        #expect(text.contains(shell == "zsh" ? "('exponential' 'persistent'" : "'exponential persistent"))
    }
}
