import ArgumentParser
import LibWebSockets
import WebSocketTesting

/// How many messages a second one connection carries, to and from the in-process server on a loop of its own.
@main
struct Throughput: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Messages a second over one connection on loopback.")

    @Option(help: "Bytes of a message.")
    var size = 64
    @Option(help: "Messages of a run.")
    var messages = 1_000_000
    @Flag(help: "wss: instead of ws:.")
    var tls = false

    func run() async throws {
        var serverConfiguration = WebSocketServer.Configuration()
        var configuration = WebSocketConfiguration()
        if tls {
            let authority = try CertificateAuthority(commonName: "throughput")
            serverConfiguration.tls = TLSServerConfiguration(
                identity: try authority.issue(names: ["localhost"], ipAddresses: ["127.0.0.1"]).identity)
            configuration.tls.trustRoots = .pem(authority.certificatePEM)
        }
        let (count, payload) = (messages, WebSocketMessage.binary([UInt8](repeating: 120, count: size)))
        let server = try await WebSocketServer.start(configuration: serverConfiguration, on: SocketLoop()) {
            socket, request in
            switch request.target {
            case "/sink":
                var received = 0
                while received < count, let batch = try await socket.nextMessages() { received += batch.count }
                try await socket.send("done")
                _ = try await socket.closed()
            case "/source":
                for _ in 0..<count { try await socket.send(payload) }
                _ = try await socket.closed()
            default:
                while let batch = try await socket.nextMessages() {
                    for message in batch { try await socket.send(message) }
                }
            }
        }
        let clock = ContinuousClock()
        func report(_ name: String, _ duration: Duration) {
            let perSecond = Double(count) / (duration / .seconds(1))
            print("\(name): \(Int(perSecond)) messages/s, \(Int(perSecond * Double(size) / 1e6)) MB/s")
        }
        let sink = try await WebSocket.connect(to: server.url + "/sink", configuration: configuration)
        report(
            "send",
            try await clock.measure {
                for _ in 0..<count { try await sink.send(payload) }
                for try await _ in sink.messages { break }
            })
        await sink.close()
        let source = try await WebSocket.connect(to: server.url + "/source", configuration: configuration)
        report(
            "receive",
            try await clock.measure {
                var received = 0
                for try await _ in source.messages {
                    received += 1
                    if received == count { break }
                }
            })
        await source.close()
        let echo = try await WebSocket.connect(to: server.url + "/echo", configuration: configuration)
        report(
            "echo",
            try await clock.measure {
                // Reading goes on while a send waits: else both sides could wait for each other.
                async let sending: Void = { for _ in 0..<count { try await echo.send(payload) } }()
                var received = 0
                while received < count { received += try await echo.nextMessages()?.count ?? 0 }
                try await sending
            })
        await echo.close()
        await server.stop()
    }
}
