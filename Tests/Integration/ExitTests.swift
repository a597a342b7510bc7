import Foundation
import LibWebSockets
import Testing
import WebSocketTesting

/// OpenSSL's cleanup at exit would free what running loops use.
@Suite("A program that ends without closing anything", .timeLimit(.minutes(2)))
struct ExitTests {
    // Each run is a process of its own. Without the precaution about one in seven crashes.
    @Test("It exits in good order while its loops are busy with TLS", arguments: 0..<15)
    func exits(run _: Int) async throws {
        await #expect(processExitsWith: .exitCode(7)) {
            let authority = try CertificateAuthority()
            let identity = try authority.issue(names: ["localhost"], ipAddresses: ["127.0.0.1"]).identity
            let server = try await WebSocketServer.start(
                configuration: .init(tls: TLSServerConfiguration(identity: identity)), on: EventLoop()
            ) { socket, _ in
                for try await message in socket.messages { try await socket.send(message) }
            }
            let configuration = WebSocketConfiguration(tls: .init(trustRoots: .memory(authority.certificatePEM)))
            for _ in 0..<20 {
                Task { [url = server.url] in
                    while true {
                        let socket = try await WebSocket.connect(to: url, configuration: configuration)
                        try await socket.send("hello")
                        await socket.close()
                    }
                }
            }
            let socket = try await WebSocket.connect(to: server.url, configuration: configuration)
            for number in 0..<20 {
                try await socket.send("message \(number)")
                for try await _ in socket.messages { break }
            }
            exit(7)
        }
    }
}
