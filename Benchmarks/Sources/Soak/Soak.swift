import ArgumentParser

@main
struct Soak: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Long runs after which nothing may be left over.",
        subcommands: [FaultSoak.self, ConnectionSoak.self], defaultSubcommand: FaultSoak.self)
}
