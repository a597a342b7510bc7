import Logging
import WebSocketService

#if ServiceLifecycleSupport
    import ServiceLifecycle
    import UnixSignals
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

    static func directory() async throws {
        let sockets = SocketServiceDirectory()
        try sockets.add(SocketService("wss://feed.example.com/prices"), named: "prices")
        try sockets.add(SocketService("wss://chat.example.com/"), named: "chat")
        try await sockets.startAll()
        try await sockets["chat"]?.send("hello")
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
