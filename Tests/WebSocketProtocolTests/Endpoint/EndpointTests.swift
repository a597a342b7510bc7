import Testing

@testable import WebSocketProtocol

@Suite struct EndpointTests {
    @Test func `the seed's URL comes out of the page's base URL, a port and a name`() throws {
        let endpoint = try Endpoint(base: "https://www.example.com/app?x=1#/home", port: 9000, path: "live/xx")
        #expect(endpoint.description == "wss://www.example.com:9000/live/xx")
    }
}
