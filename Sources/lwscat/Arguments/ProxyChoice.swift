import ArgumentParser
import WebSocketService

/// `environment`, or the URL of a proxy.
struct ProxyChoice: ExpressibleByArgument {
    let selection: ProxySelection

    init?(argument: String) {
        if argument == "environment" {
            selection = .fromEnvironment
        } else if let proxy = try? Proxy(argument) {
            selection = .proxy(proxy)
        } else {
            return nil
        }
    }

    static var defaultCompletionKind: CompletionKind { .list(["environment"]) }
}
