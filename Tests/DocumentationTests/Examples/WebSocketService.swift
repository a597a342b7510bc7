import WebSocketService

enum WebSocketServicePage {
    typealias Price = FirstService.Price
    typealias Subscription = FirstService.Subscription

    static func overview() async throws {
        let service = SocketService("wss://feed.example.com/stream")
        service.register("price", as: Price.self) { price in
            print("\(price.item) costs \(price.cents)")
        }
        service.onOpen { [weak service] _ in
            try await service?.send(Subscription(topic: "price"))
        }
        try await service.start()
    }
}
