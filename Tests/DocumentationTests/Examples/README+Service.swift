import WebSocketService

struct MapData: Codable, Sendable {
    var socketType = "mapData"
    var value: String
}

struct App {
    static func main() async throws {
        let service = SocketService(
            "wss://feed.example.com/stream",
            reconnect: .exponential(initial: .milliseconds(500), multiplier: 2, maximum: .seconds(30), jitter: .full),
            heartbeat: .ping(every: .seconds(30), timeout: .seconds(10)),
            queue: QueuePolicy(limit: 1_000, overflow: .dropOldest))

        service.register("mapData", as: MapData.self) { data in print(data.value) }
        service.onClose { end in print("closed: \(end.code)") }

        try await service.start()
        switch try await service.send(MapData(value: "hello")) {
        case .sent: print("sent")
        case .queued: print("not connected yet: it waits")
        case .dropped(let reason): print("not sent: \(reason)")
        }
        try await Task.sleep(for: .seconds(60))
        await service.stop()
    }
}
