import LibWebSockets

/// Prices from a server, one request at a time.
public struct PriceFeed: Sendable {
    /// The server answered with something that is no price.
    public struct NotAPrice: Error, CustomStringConvertible {
        public let description: String
    }

    private let socket: WebSocket

    /// Connects to the server.
    ///
    /// - Parameters:
    ///   - url: A `wss:` URL.
    ///   - tls: The trust settings: the system's authorities by default.
    ///   - timeLimit: The time limit for connecting.
    public init(
        _ url: String, tls: TLSClientConfiguration = TLSClientConfiguration(), within timeLimit: Duration = .seconds(3)
    ) async throws {
        socket = try await WebSocket.connect(
            to: url, configuration: WebSocketConfiguration(tls: tls, connectTimeout: timeLimit))
    }

    /// The price of something, in cents.
    public func price(of name: String) async throws -> Int {
        try await socket.send(name)
        let answer = try await socket.receive()?.text ?? "nothing"
        guard let price = Int(answer) else { throw NotAPrice(description: "\(name): the server says \(answer)") }
        return price
    }

    /// Ends the connection.
    public func close() async {
        await socket.close()
    }
}
