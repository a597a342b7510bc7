import Logging
import WebSocketService

#if ServiceLifecycleSupport
    import ServiceLifecycle
#endif

enum LifeOfAService {
    typealias Query = Requests.Query
    typealias Chart = Requests.Chart

    static func closure(service: SocketService) async throws {
        let answer = try await withSocketService(service, waitingForOpen: true) { service in
            try await service.request(Query(symbol: "TEA"), reply: "chart", as: Chart.self)
        }
        _ = answer
    }

    struct Subscription: Codable, Sendable {
        var topic: String
    }

    static func directory(service: SocketService) async throws {
        let sockets = SocketServiceDirectory()
        try sockets.add(service, named: "prices")
        try await sockets.startAll()
        try await sockets["prices"]?.send(Subscription(topic: "price"))
        let neverSent = await sockets.stopAll()
        _ = neverSent
    }

    #if ServiceLifecycleSupport
        static func serviceGroup(service: SocketService, logger: Logger) async throws {
            let group = ServiceGroup(
                services: [service],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: logger)
            try await group.run()
        }
    #endif
}
