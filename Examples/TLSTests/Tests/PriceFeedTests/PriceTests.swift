import PriceFeed
import Testing
import WebSocketTesting

@Suite("PriceFeed with a server of the test's own", .timeLimit(.minutes(2)))
struct PriceTests {
    private static let prices = TestServer.replying(["tea": [.text("250")], "coffee": [.text("sold out")]])

    @Test("A price is a number, and anything else is an error")
    func price() async throws {
        let server = try await TestServer.start(handler: Self.prices)
        let feed = try await PriceFeed(server.url, tls: server.clientTLS)
        #expect(try await feed.price(of: "tea") == 250)
        await #expect(throws: PriceFeed.NotAPrice.self) { try await feed.price(of: "coffee") }
        #expect(server.received.map(\.text) == ["tea", "coffee"])
        await feed.close()
        await server.stop()
    }

    @Test("Half an answer is an error and no price")
    func half() async throws {
        let server = try await TestServer.start { _, _ in try await Task.sleep(for: .seconds(60)) }
        let feed = try await PriceFeed(server.url, tls: server.clientTLS)
        let price = Task { try await feed.price(of: "tea") }
        _ = try await server.received(atLeast: 1)
        await server.cutConnections(in: "25000")
        await #expect(throws: WebSocketError.self) { try await price.value }
        await server.kill()
    }

    @Test("A server that is busy is told of with what it said")
    func busy() async throws {
        let server = try await TestServer.start(handler: Self.prices)
        server.refuseConnections(1, status: .tooManyRequests)
        let error = await #expect(throws: WebSocketError.self) {
            try await PriceFeed(server.url, tls: server.clientTLS)
        }
        #expect(error?.refusal?.status == .tooManyRequests)
        await server.stop()
    }
}
