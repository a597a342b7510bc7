import WebSocketService

func readmeService() async throws {
    struct Price: Decodable, Sendable { var item: String, cents: Int }

    let service = SocketService(
        "wss://feed.example.com/prices",
        options: SocketService.Options(router: .json(routeKey: "type")))  // the key that names a message
    service.register("price", as: Price.self) { price in  // {"type":"price","item":"tea","cents":250}
        print("\(price.item) costs \(price.cents)")
    }
    service.onOpen { [weak service] _ in  // on every connection, so after an outage too
        try await service?.send(#"{"type":"subscribe","topic":"price"}"#)
    }
    try await service.run()  // connects, and again after each loss, until it is stopped or gives up
}
