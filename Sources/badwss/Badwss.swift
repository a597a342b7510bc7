import ArgumentParser

/// The command line. `badwss` alone serves.
@main
struct Badwss: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "badwss",
        abstract: "Serve bad certificates and bad TLS on loopback, or run a client through all of it.",
        discussion: """
            Without the name of a subcommand it serves: every case on a port of its own, until it is interrupted or the \
            time of --for is over. "badwss check" runs a command once for each case and says where it is wrong, so that \
            a client in any language has its TLS tests in one line:

              badwss check --scheme https -- curl -sS --max-time 5 --cacert {ca} {url}

            "badwss list" explains the cases.
            """,
        version: "0.1.0",
        subcommands: [Serve.self, Check.self, List.self],
        defaultSubcommand: Serve.self)

    static func main() async {
        let arguments = Array(CommandLine.arguments.dropFirst())
        if arguments == ["--help"] || arguments == ["-h"] {
            print(helpMessage())
            return
        }
        await main(arguments)
    }
}
