import Testing

@testable import LibWebSockets

@Suite(.hangs) struct ResolverTests {
    private func addresses(of host: String, port: Int = 4711) async throws -> [SocketAddress] {
        try await withCheckedThrowingContinuation { continuation in
            Resolver.addresses(of: host, port: port) { result in continuation.resume(with: result) }
        }
    }

    @Test(
        "A literal is its own address",
        arguments: [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("2001:DB8:0:0::1", "2001:db8::1")])
    func literals(host: String, address: String) async throws {
        #expect(try await addresses(of: host) == [SocketAddress(host: address, port: 4711)])
    }

    @Test("localhost has loopback addresses, none of them twice")
    func localhost() async throws {
        let found = try await addresses(of: "localhost")
        #expect(!found.isEmpty)
        #expect(Set(found).count == found.count)
        #expect(found.allSatisfy { $0.port == 4711 && ["127.0.0.1", "::1"].contains($0.host) })
    }

    @Test("A name without an address is a typed error that names it", arguments: ["no-such-host.invalid", "a..b"])
    func unknown(host: String) async throws {
        let error = try await #require(throws: WebSocketError.self) { try await addresses(of: host) }
        #expect(error.code == .nameResolutionFailed)
        #expect(error.stage == .nameResolution)
        #expect(error.message.hasPrefix("the host name \"\(host)\" could not be resolved: "))
        #expect(error.message.hasSuffix(". Is it spelt right, and does this machine's resolver work?"))
    }
}
