import LibWebSockets
import WebSocketTesting

@main enum Demo {
    static func main() async throws {
        for secure in [false, true] {
            var configuration = WebSocketServer.Configuration()
            var clientConfiguration = WebSocketConfiguration()
            if secure {
                let authority = try CertificateAuthority(commonName: "demo")
                let issued = try authority.issue(names: ["localhost"], ipAddresses: ["127.0.0.1"])
                configuration.tls = TLSServerConfiguration(identity: issued.identity)
                clientConfiguration.tls = TLSConfiguration(trustRoots: .memory(authority.certificatePEM))
            }
            let server = try await WebSocketServer.start(configuration: configuration) { socket, request in
                print("request", request.target, request.peer)
                for try await message in socket.messages { try await socket.send(message) }
                print("handler done")
            }
            print(server.url)
            let socket = try await WebSocket.connect(to: server.url + "/x?y=1", configuration: clientConfiguration)
            print("handshake", socket.handshake.headers)
            try await socket.send("hello")
            for try await m in socket.messages { print("got", m.text ?? "?"); break }
            print("ping", try await socket.ping())
            let big = [UInt8](repeating: 7, count: 3 << 20)
            try await socket.send(big)
            for try await m in socket.messages { print("big", m.payload.count, Array(m.payload) == big); break }
            let clock = ContinuousClock.now
            let n = 200_000
            async let sender: Void = { for i in 0..<n { try await socket.send("message \(i)") } }()
            var count = 0
            for try await m in socket.messages { 
                if m.text != "message \(count)" { print("BAD", m.text ?? ""); break }
                count += 1; if count == n { break } }
            try await sender
            print("echoed", count, ContinuousClock.now - clock)
            print(await socket.close())
            await server.stop()
            print("stopped")
            do { _ = try await WebSocket.connect(to: server.url); print("?!") } catch { print(error) }
        }
        await EventLoop.shared.shutdown()
        print("down")
    }
}
