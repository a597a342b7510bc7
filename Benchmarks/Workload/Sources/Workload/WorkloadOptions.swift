public import ArgumentParser

/// The options of a run, the same for every client in every language.
///
/// Plain values: those of an argument parser take longer to read than a message to send.
public struct WorkloadOptions: Sendable {
    /// The work of a client.
    public enum Kind: String, ExpressibleByArgument, Sendable {
        /// Sends `count` messages, and waits until the server has counted them.
        case send
        /// Receives `count` messages, after a text message that asks for them.
        case receive
        /// Has `window` messages on the way until `count` have come back; with one of them, each is timed.
        case echo
        /// Makes and closes `count` connections, `connections` at once.
        case connect
        /// Holds `connections` that have carried one message, and times `count` round trips over one more.
        case idle
        /// Answers, on each of `connections`, what comes in within `seconds`.
        case answer
        /// Receives `count` messages on each of `connections`, spread over `loops`.
        case group
    }

    public let workload: Kind
    public let url: String
    public let ca: String?
    public let messages: String?
    public let size: Int
    public let count: Int
    public let window: Int
    public let connections: Int
    public let loops: Int
    public let seconds: Double
    public let resume: Bool
    public let deflate: Bool

    /// Ends the process: this client, or this style of it, does not have the workload.
    public func unsupported() throws -> Never {
        throw ExitCode(77)
    }
}

/// The command line of a benchmark's client.
public struct WorkloadArguments: ParsableArguments {
    @Option public var workload: WorkloadOptions.Kind
    @Option public var url: String
    @Option(help: "A PEM file with the authority to trust.") public var ca: String?
    @Option(help: "A file with a text message a line, to send in place of binary ones.") public var messages: String?
    @Option public var size = 0
    @Option public var count = 0
    @Option public var window = 1
    @Option public var connections = 1
    @Option public var loops = 1
    @Option public var seconds = 0.0
    @Flag(help: "Resume TLS sessions.") public var resume = false
    @Flag(help: "Compress messages.") public var deflate = false

    public init() {}

    public var options: WorkloadOptions {
        WorkloadOptions(
            workload: workload, url: url, ca: ca, messages: messages, size: size, count: count, window: window,
            connections: connections, loops: loops, seconds: seconds, resume: resume, deflate: deflate)
    }
}

/// A result that cannot be right.
public struct WrongResult: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}
