import WebSocketCompat

enum WebSocketCompatExamples {
    static func options() {
        var options = WebSocketCompatOptions()
        options.connection.tls.trustRoots = .pemFile("/etc/example/ca.pem")
        options.reconnects = .persistent
        _ = options
    }
}
