import Logging
import WebSocketService

enum FirstService {
    struct Price: Codable, Sendable {
        var socketType = "price"
        var item: String
        var cents: Int
    }

    struct Subscription: Codable, Sendable {
        var socketType = "subscribe"
        var topic: String
    }

    static func start(token: String) async throws {
        let service = SocketService(
            "wss://feed.example.com/stream",
            headers: [.authorization: "Bearer \(token)"],
            reconnect: .exponential(maximum: .seconds(10)),
            heartbeat: .ping(every: .seconds(20)))

        service.register("price", as: Price.self) { price in print(price.cents) }
        service.onOpen { [weak service] context in
            print(context.isReconnect ? "connected again" : "connected")
            try await service?.send(Subscription(topic: "price"))
        }
        service.onError { error in print(error.message) }

        try await service.start(waitingForOpen: true)
    }

    static func endpoint(token: String) throws {
        let endpoint = try Endpoint(base: "https://www.example.com/app#/home", port: 9098, path: "live/prices")
        let headers: HTTPFields = [.authorization: "Bearer \(token)"]
        let service = SocketService(endpoint, headers: headers)
        _ = service
    }

    static func trusting() {
        let logger = Logger(label: "prices")
        let service = SocketService(
            "wss://feed.example.com/stream",
            trustRoots: .system.adding(.pemFile("/etc/example/ca.pem")),
            router: .json(routeKey: "type"),
            logger: logger)
        _ = service
    }

    static func transport() {
        let transport = WebSocketTransport(
            configuration: WebSocketConfiguration(
                tls: TLSClientConfiguration(trustRoots: .pemFile("/etc/example/ca.pem")),
                maximumMessageSize: 1 << 20))
        let service = SocketService(
            "wss://feed.example.com/stream", transport: transport,
            options: SocketService.Options(router: .json(routeKey: "type")))
        _ = service
    }

    static func sendAndStop(service: SocketService) async throws {
        switch try await service.send(Subscription(topic: "news")) {
        case .sent: print("sent")
        case .queued: print("sent as soon as there is a connection")
        case .dropped(let reason): print("not sent: \(reason)")
        }
        let neverSent = await service.stop()
        print("\(neverSent.count) messages were left in the queue")
    }
}
