import ArgumentParser

/// How things are shown.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print every event as a line of JSON, for scripts; see above.")
    var json = false

    @Option(
        help: ArgumentHelp("Show the value of this top-level JSON key in front of each message.", valueName: "key"))
    var route: String?

    @Flag(help: "Print at the end what was sent and received.")
    var stats = false

    @Flag(name: .shortAndLong, help: "Also tell of connections, on standard error.")
    var verbose = false

    @Option(
        help: ArgumentHelp(
            """
            Whether to use colours; auto does at a terminal and respects NO_COLOR in the environment. With colours the \
            control characters of messages are made visible.
            """, valueName: "when"))
    var color: ColorChoice = .auto
}
