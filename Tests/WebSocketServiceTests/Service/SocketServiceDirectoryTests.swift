import Testing
import WebSocketTesting

@testable import WebSocketService

@Suite(.timeLimit(.minutes(10))) struct SocketServiceDirectoryTests {
    @Test("Services are found by name, and a name is taken once") func servicesAreFoundByName() async throws {
        let (prices, chat) = (Fixture(), Fixture())
        let directory = SocketServiceDirectory()
        try directory.add(prices.service, named: "prices")
        try directory.add(chat.service, named: "chat")
        #expect(directory.names == ["prices", "chat"])
        #expect(directory["chat"] === chat.service)
        #expect(directory["nobody"] == nil)
        #expect { try directory.add(chat.service, named: "prices") } throws: {
            ($0 as? SocketServiceError)?.code == .nameTaken
        }
        #expect(directory.remove("prices") === prices.service)
        #expect(directory.remove("prices") == nil)
        #expect(directory.names == ["chat"])
        await prices.service.stop()
        await directory.stopAll()
    }

    @Test("All services are started and stopped together") func allAreStartedAndStoppedTogether() async throws {
        let (prices, chat) = (Fixture(), Fixture([.hang]))
        let directory = SocketServiceDirectory()
        try directory.add(prices.service, named: "prices")
        try directory.add(chat.service, named: "chat")
        try await directory.startAll()
        let peer = try await prices.transport.nextConnection()
        await until { prices.service.state == .open }
        try await directory["chat"]?.send("kept")
        #expect(await directory.stopAll(code: .goingAway) == ["prices": [], "chat": [.text("kept")]])
        #expect(peer.closure?.sent?.code == .goingAway)
        #expect(directory.names.isEmpty)
        #expect(prices.service.state == .closed)
        #expect(chat.service.state == .closed)
    }

    @Test("A URL that cannot be used keeps all services from starting")
    func aURLThatCannotBeUsedKeepsAllFromStarting() async throws {
        let (good, bad) = (Fixture(), Fixture(urls: ["nonsense"]))
        let directory = SocketServiceDirectory()
        try directory.add(good.service, named: "good")
        try directory.add(bad.service, named: "bad")
        await #expect(throws: WebSocketError.self) { try await directory.startAll() }
        #expect(good.service.state == .idle)
        await directory.stopAll()
    }
}
