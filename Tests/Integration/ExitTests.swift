import Foundation
import LibWebSockets
import Testing
import WebSocketTesting

/// `exit`, which returns as far as the compiler knows: the macro adds code behind it.
private func leave() { exit(7) }

/// OpenSSL's cleanup at exit would free what running loops use.
@Suite("A program that ends without closing anything", .timeLimit(.minutes(10)))
struct ExitTests {
    // Each run is a process of its own. Without the precaution about one in seven crashes, when the main thread exits.
    @Test("A program exits in good order while its loops are busy with TLS", arguments: 0..<12)
    func exits(run _: Int) async throws {
        await #expect(processExitsWith: .exitCode(7)) {
            let authority = try CertificateAuthority()
            let identity = try authority.issue(names: ["localhost"], ipAddresses: ["127.0.0.1"]).identity
            let server = try await WebSocketServer.start(
                configuration: .init(tls: TLSServerConfiguration(identity: identity)), on: SocketLoop()
            ) { socket, _ in
                for try await message in socket.messages { try await socket.send(message) }
            }
            let configuration = WebSocketConfiguration(
                tls: .init(trustRoots: .pem(authority.certificatePEM)), connectTimeout: .seconds(60))
            for _ in 0..<10 {
                Task { [url = server.url] in
                    while true {
                        try await WebSocket.connect(to: url, configuration: configuration).close()
                    }
                }
            }
            for number in 0..<6 {
                let socket = try await WebSocket.connect(to: server.url, configuration: configuration)
                Task { while true { try await socket.send([UInt8](repeating: 1, count: 1_000)) } }
                if number < 5 {
                    Task { while try await socket.nextMessages() != nil {} }
                } else {
                    for _ in 0..<3 { _ = try await socket.nextMessages() }
                }
            }
            await MainActor.run { leave() }
        }
    }
}
