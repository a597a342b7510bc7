import ArgumentParser
import WebSocketService

/// `lwscat tls URL`.
struct InspectTLS: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tls", abstract: "Explain a server's certificates, and which checks they pass.")

    @Argument(help: ArgumentHelp("A wss: or https: URL.", valueName: "url"))
    var url: String

    func run() async throws {}
}
