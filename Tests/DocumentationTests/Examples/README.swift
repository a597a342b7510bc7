import LibWebSockets
import Testing
import WebSocketService
import WebSocketTesting

enum READMEService {
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
}

enum READMEConnection {
    func echo(token: String) async throws {
        let socket = try await WebSocket.connect(
            to: "wss://feed.example.com/stream",
            configuration: WebSocketConfiguration(
                headers: [.authorization: "Bearer \(token)"],
                subprotocols: ["v2.feed"],
                tls: TLSConfiguration(trustRoots: .file("/etc/example/ca.pem"))))
        try await socket.send("hello")  // suspends while too much waits for the network
        for try await message in socket.messages {  // not iterating stops reading
            print(message.text ?? "\(message.payload.count) bytes")
            if message.text == "bye" { break }
        }
        let roundTrip = try await socket.ping()
        let closure = await socket.close(code: .normalClosure, reason: "done")
        print("\(roundTrip), \(closure.code)")
    }
}

struct READMETest {
    @Test func serverAnswers() async throws {
        let server = try await TestServer.start { socket, _ in
            for try await message in socket.messages { try await socket.send(message) }
        }
        let socket = try await WebSocket.connect(to: server.url, configuration: server.clientConfiguration)
        try await socket.send("hello")
        #expect(try await socket.nextMessages()?.first?.text == "hello")
        await socket.close()
        await server.stop()
    }
}
