import Foundation
import Testing

/// scripts/install as it is, but for what it builds with: `swift` stands in for one that has built already, and the programs
/// are those beside these tests. A build for release takes minutes, and SwiftPM waits for the build that runs the tests.
@Suite("scripts/install", .timeLimit(.minutes(5)))
struct LwscatInstallTests {
    private static let swift = """
        #!/bin/bash
        case "$*" in
        *--show-bin-path*) echo "$BUILT" ;;
        *generate-manual*)
            for tool in lwscat badwss; do
                install -d ".build/plugins/GenerateManual/outputs/$tool"
                echo "the manual of $tool" >".build/plugins/GenerateManual/outputs/$tool/$tool.1"
            done
            ;;
        esac
        """

    /// Runs `body` with a command that runs the script in a package of its own, and a directory to install into.
    private func withScript(_ body: (_ script: String, _ directory: URL) async throws -> Void) async throws {
        let manager = FileManager.default
        let directory = manager.temporaryDirectory.appending(path: "install-\(UUID())")
        defer { try? manager.removeItem(at: directory) }
        let (scripts, path) = (directory.appending(path: "package/scripts"), directory.appending(path: "path"))
        for folder in [scripts, path] { try manager.createDirectory(at: folder, withIntermediateDirectories: true) }
        let repository = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized
        try manager.copyItem(
            at: repository.appending(path: "scripts/install"), to: scripts.appending(path: "install"))
        let standIns = [(scripts.appending(path: "setup"), "#!/bin/bash"), (path.appending(path: "swift"), Self.swift)]
        for (file, text) in standIns {
            try Data(text.utf8).write(to: file)
            try manager.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
        }
        let built = LwscatProcess.executable.deletingLastPathComponent().path
        try await body("PATH='\(path.path)':\"$PATH\" BUILT='\(built)' '\(scripts.path)/install'", directory)
    }

    @Test("The programs, their manual pages and their completions stand where shells and man look for them")
    func installs() async throws {
        try await withScript { script, directory in
            let command = "DESTDIR='\(directory.path)/stage' \(script) /opt/ws && echo done"
            let root = directory.appending(path: "stage/opt/ws")
            // A second time while the program is in use, which must keep its file.
            let inUse = "exec 9<'\(root.path)/bin/lwscat'; \(command); stat -Lc %h /dev/fd/9"
            #expect(try await LwscatProcess.shell(command).last == "done")
            #expect(try await LwscatProcess.shell(inUse).suffix(2) == ["done", "0"])
            let files = try FileManager.default.subpathsOfDirectory(atPath: root.path).filter {
                try root.appending(path: $0).resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true
            }
            let expected = ["lwscat", "badwss"].flatMap {
                [
                    "bin/\($0)", "share/man/man1/\($0).1", "share/bash-completion/completions/\($0)",
                    "share/zsh/site-functions/_\($0)", "share/fish/vendor_completions.d/\($0).fish",
                ]
            }
            #expect(files.sorted() == expected.sorted())
            #expect(try await LwscatProcess.shell("'\(root.path)/bin/lwscat' --version") == ["0.1.0"])
            func text(_ path: String) throws -> String {
                try String(contentsOf: root.appending(path: path), encoding: .utf8)
            }
            #expect(try text("share/man/man1/lwscat.1") == "the manual of lwscat\n")
            #expect(try text("share/bash-completion/completions/lwscat").contains("-F _lwscat lwscat"))
            #expect(try text("share/zsh/site-functions/_badwss").hasPrefix("#compdef badwss"))
            #expect(try text("share/fish/vendor_completions.d/lwscat.fish").contains("complete -c 'lwscat'"))
        }
    }

    @Test("What it cannot do is refused before anything is built")
    func refuses() async throws {
        try await withScript { script, directory in
            for (arguments, status) in [("--prefix", "64"), ("/a /b", "64"), ("/dev/null/here", "1"), ("--help", "0")] {
                let lines = try await LwscatProcess.shell("\(script) \(arguments); echo $?")
                #expect(lines.last == status, "\(arguments)")
            }
            #expect(!FileManager.default.fileExists(atPath: directory.appending(path: "package/.build").path))
        }
    }
}
