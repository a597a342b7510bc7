import ArgumentParser
import Foundation
import WebSocketService

/// The way to the server.
struct RouteOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The proxy: http://host:port, socks5h://host:port, or \"environment\" for what https_proxy and its like say.",
            valueName: "url"))
    var proxy: ProxyChoice?

    @Option(
        help: ArgumentHelp("Connect to this Unix domain socket instead of the URL's host.", valueName: "path"),
        completion: .file())
    var unixSocket: String?

    @Option(help: ArgumentHelp("How long connecting may take, in all; 10 unless given.", valueName: "seconds"))
    var timeout: Seconds?

    var connectTimeout: Duration { timeout?.duration ?? .seconds(10) }

    func configuration(tls: TLSClientConfiguration) -> WebSocketConfiguration {
        WebSocketConfiguration(
            tls: tls, connectTimeout: connectTimeout, proxy: proxy?.selection ?? .none,
            unixSocketPath: unixSocket)
    }
}
