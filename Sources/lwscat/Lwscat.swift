import ArgumentParser

/// The command line. `lwscat URL` is `lwscat connect URL`, so `lwscat --help` shows the help of that.
@main
struct Lwscat: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lwscat",
        abstract: "Talk to WebSocket servers, be one, or look at their TLS.",
        discussion: "Without the name of a subcommand it connects: `lwscat wss://example.com/`.",
        version: "0.1.0",
        subcommands: [Connect.self, InspectTLS.self],
        defaultSubcommand: Connect.self)

    static func main() async {
        let arguments = Array(CommandLine.arguments.dropFirst())
        if arguments == ["--help"] || arguments == ["-h"] {
            print(helpMessage(for: Connect.self))
            return
        }
        await main(arguments)
    }
}
