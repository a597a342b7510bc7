import Logging
import TestSupport
import Testing
import WebSocketTesting

@testable import WebSocketService

@Suite("Warnings about unhandled messages", .timeLimit(.minutes(10))) struct UnhandledWarningTests {
    private func warnings(
        of messages: [String], router: any MessageRouter = .json(), prepare: (SocketService) -> Void = { _ in }
    ) async throws -> [String] {
        let lines = LogLines()
        let fixture = Fixture(configure: {
            $0.logger = lines.logger()
            $0.router = router
        })
        prepare(fixture.service)
        let peer = try await fixture.open()
        peer.deliver(messages.map { .text($0) } + [.text("the last one")])
        try await fixture.events.next { $0.hasSuffix("the last one") }
        await fixture.service.stop()
        return lines.messages(.warning)
    }

    @Test("A message without a route is warned of once, with the key that was looked for and how to name another")
    func noRoute() async throws {
        let warnings = try await warnings(of: [#"{"type":"price"}"#, #"{"type":"news"}"#, "plain text"]) { service in
            service.register("price") { _ in }
        }
        try #require(warnings.count == 2, "and one for text that is no JSON")
        #expect(warnings[0].hasPrefix("warning no route was found in a message"))
        #expect(warnings[0].contains(#"the top-level JSON key "socketType", but "type". If"#))
        #expect(warnings[0].contains(#"router: .json(routeKey: "type")"#))
        #expect(warnings[1].contains(#"it is no JSON object, and so has no top-level key "socketType""#))
    }

    @Test("The keys that a message has are shown, a few of them, and none of what is no JSON after all")
    func keysAreShown() async throws {
        let keys = (0..<30).map { #""\#(String(repeating: "k", count: 200))\#($0)":1"# }.joined(separator: ",")
        let long = try await warnings(of: ["{\(keys)"])
        #expect(long.first?.contains("but") == false)
        let shown = try await warnings(of: [" {\(keys)}"])
        #expect(shown[0].contains(#", but "kkk"#) && shown[0].count < 1_500)
        #expect(try await warnings(of: ["{}"])[0].contains(#"router: .json(routeKey: "…")"#))
    }

    @Test("Each route without a handler is warned of once, with the routes that have one")
    func noHandler() async throws {
        let warnings = try await warnings(
            of: [#"{"op":"priec"}"#, #"{"op":"priec"}"#, #"{"op":"news"}"#], router: .json(routeKey: "op")
        ) { service in
            service.register("price") { _ in }
            service.register("map") { _ in }
        }
        try #require(warnings.count == 3, "and one for the last, which has no route")
        #expect(
            warnings[0]
                == #"warning no handler is registered for the route "priec", read from the top-level JSON key "op": there are "#
                + #"handlers for "map", "price"; said once for this route"#)
        #expect(warnings[1].contains(#"the route "news""#))
    }

    @Test("A router of the app's own is not said to read JSON")
    func ownRouter() async throws {
        let warnings = try await warnings(
            of: ["a", "b"], router: .custom { message in message.text?.first == "a" ? "a" : nil })
        try #require(warnings.count == 2)
        #expect(!warnings.contains { $0.contains("JSON") })
        #expect(warnings[0].contains("no handler is registered for any route"))
    }

    @Test("Who takes every message, or asks for the unhandled ones, is not warned")
    func taken() async throws {
        let messages = ["plain text", #"{"socketType":"a"}"#]
        #expect(try await warnings(of: messages) { $0.onMessage { _ in } } == [])
        #expect(try await warnings(of: messages) { $0.onUnhandled { _, _ in } } == [])
    }

    @Test("A peer that invents routes cannot fill the log")
    func inventedRoutes() async throws {
        let route = String(repeating: "x", count: 10_000) + "\u{1B}[2J"
        let messages = (0..<1_000).map { #"{"socketType":"\#($0)\#(route)"}"# }
        let warnings = try await warnings(of: messages)
        #expect(warnings.count <= 22)
        #expect(warnings.allSatisfy { $0.count < 700 && !$0.contains("\u{1B}") })
    }
}
