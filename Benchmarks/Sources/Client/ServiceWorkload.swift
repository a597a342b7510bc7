import LibWebSockets
import WebSocketService
import Workload

/// Messages by way of `SocketService`: routed by their JSON key, and decoded or not.
struct ServiceWorkload {
    private struct MapData: Decodable {
        var socketType: String
        var id: Int
    }

    let options: WorkloadOptions
    let decodes: Bool

    func run() async throws {
        guard options.workload == .receive, options.messages != nil else { try options.unsupported() }
        let service = SocketService(
            options.url, transport: WebSocketTransport(configuration: options.configuration), heartbeat: .off)
        let count = options.count
        let received = Counter()
        let (stream, finished) = AsyncThrowingStream.makeStream(of: Void.self)
        let take: @Sendable () -> Void = {
            if received.add(1) == count { finished.finish() }
        }
        if decodes {
            service.register("mapData", as: MapData.self) { _ in take() }
        } else {
            service.register("mapData") { _ in take() }
        }
        service.onUnhandled { _, _ in finished.finish(throwing: WrongResult("a message without a handler")) }
        service.onError { finished.finish(throwing: $0) }
        var measurement = Measurement()
        try await service.start(waitingForOpen: true)
        measurement.begin()
        try await service.send("go")
        for try await _ in stream {}
        measurement.end()
        measurement.report(messages: count)
        await service.stop()
    }
}
