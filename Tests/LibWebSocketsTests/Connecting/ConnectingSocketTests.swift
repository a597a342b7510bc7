import Synchronization
import Testing
import WebSocketTesting

@testable import LibWebSockets

@Suite(.hangs) struct ConnectingSocketTests {
    /// Connects to `host`, and returns what became of it.
    private func connect(to host: String) async throws -> Result<CInt, PipeEnd> {
        let server = try FaultServer(scripts: [[.readUntilEnd]])
        defer { server.stop() }
        let loop = SocketLoop.forTest()
        let port = Int(server.port)
        let result = await withCheckedContinuation { continuation in
            let submitted: Void? = try? loop.submit { core in
                let socket = ConnectingSocket(core: core, address: SocketAddress(host: host, port: port)) {
                    continuation.resume(returning: $0)
                }
                do {
                    try socket.connect()
                } catch {
                    Issue.record(error)
                }
            }
            #expect(submitted != nil)
        }
        if case .success(let descriptor) = result { closeDescriptor(descriptor) }
        await loop.shutDown()
        return result
    }

    @Test("A connection to the address that was meant is handed over")
    func rightAddress() async throws {
        _ = try await connect(to: "127.0.0.1").get()
    }

    /// The C library takes 127.1 for 127.0.0.1, which stands for any library that goes its own ways (a proxy's, say).
    @Test("A connection to any other address than the one that was meant is not used")
    func otherAddress() async throws {
        let error = await #expect(throws: PipeEnd.self) { try await connect(to: "127.1").get() }
        guard case .library("libwebsockets connected to another address") = error?.cause else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}
