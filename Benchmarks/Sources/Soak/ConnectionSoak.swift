import ArgumentParser
import Foundation
import LibWebSockets
import WebSocketTesting

/// Makes and closes connections one after another in one process, and shows that its memory does not grow.
struct ConnectionSoak: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connections",
        abstract: "Makes and closes connections in sequence; fails when memory or descriptors grow.")

    @Option(help: "How many connections to make.")
    var connections = 10_000
    @Option(help: "How many of them to make before the first measurement.")
    var warmUp = 1_000
    @Flag(help: "Plain ws: instead of wss:.")
    var plain = false
    @Option(help: "The growth of the allocated memory that is still taken for noise, in KiB.")
    var tolerance = 256

    func run() async throws {
        var serverConfiguration = WebSocketServer.Configuration()
        var configuration = WebSocketConfiguration()
        if !plain {
            let authority = try CertificateAuthority(commonName: "soak")
            serverConfiguration.tls = TLSServerConfiguration(
                identity: try authority.issue(names: ["localhost"], ipAddresses: ["127.0.0.1"]).identity)
            configuration.tls.trustRoots = .pem(authority.certificatePEM)
        }
        let server = try await WebSocketServer.start(configuration: serverConfiguration) { socket, _ in
            for try await message in socket.messages { try await socket.send(message) }
        }
        let (url, client) = (server.url, configuration)
        @Sendable func connectOnce() async throws {
            let socket = try await WebSocket.connect(to: url, configuration: client)
            try await socket.send("hello")
            for try await _ in socket.messages { break }
            await socket.close()
        }
        for _ in 0..<warmUp { try await connectOnce() }
        let before = Usage.now()
        print("after \(warmUp) connections: \(before)")
        let clock = ContinuousClock()
        let elapsed = try await clock.measure {
            for index in 1...connections {
                try await connectOnce()
                if index.isMultiple(of: max(1, connections / 5)) { print("after \(warmUp + index): \(Usage.now())") }
            }
        }
        let after = Usage.now()
        await server.stop()
        let perSecond = Double(connections) / (elapsed / .seconds(1))
        print("\(connections) connections in \(elapsed), \(Int(perSecond)) a second, client and server in one process")
        let growth = after.allocatedKiB - before.allocatedKiB
        let resident = after.residentKiB - before.residentKiB
        print(
            "growth: \(growth) KiB allocated, \(resident) KiB resident, \(after.descriptors - before.descriptors) descriptors"
        )
        guard growth <= tolerance, after.descriptors <= before.descriptors else { throw ExitCode.failure }
    }
}
