import ArgumentParser

/// The command line: `lwscat tls …` is ``InspectTLS``, everything else is ``Connect``.
///
/// The first word decides, and not a tree of subcommands: a parser of those takes `tls` for the URL of a command that has
/// one. As a command of its own this is only what the manual page is made of.
@main
struct Lwscat: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration: CommandConfiguration = {
        var configuration = Connect.configuration
        configuration.subcommands = [InspectTLS.self]
        // The generator of manual pages puts a subcommand in brackets only where one is the default.
        configuration.defaultSubcommand = InspectTLS.self
        return configuration
    }()

    @OptionGroup
    var connect: Connect

    static func main() async { await run(Array(CommandLine.arguments.dropFirst())) }

    private static func run(_ words: [String]) async {
        let rest = Array(words.dropFirst())
        switch words.first {
        case "connect": await Connect.main(rest)
        case "tls": await InspectTLS.main(rest)
        case "help": await run(rest + ["--help"])
        case "--experimental-dump-help": await main(words)
        case "--generate-completion-script" where rest == ["bash"]: print(bashCompletions)
        default: await Connect.main(words)
        }
    }

    /// bash takes a URL for several words, as it parts them at colons too: all of them are told to be the URL's, so that
    /// options are offered behind it.
    static var bashCompletions: String {
        Connect.completionScript(for: .bash)
            .replacing("_offer_flags_options 1\n", with: "_offer_flags_options -1\n")
    }
}
