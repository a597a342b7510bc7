import WebSocketKitCompat
import WebSocketTesting

extension TestServer {
    /// The configuration of a client that trusts the server.
    func kitConfiguration(reconnects: Bool = false) -> WebSocketClient.Configuration {
        var configuration = WebSocketClient.Configuration()
        configuration.options = reconnects ? reconnectingOptions : options
        return configuration
    }
}
