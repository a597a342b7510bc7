internal import Synchronization
internal import Logging
internal import LibWebSockets
#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Says once, at a level that is seen by default, that messages reach no handler: a mistyped route or the wrong key of the
/// route look like a peer that is silent.
///
/// The peer chooses the routes, so there is a bound on what is remembered, and on what is said.
final class UnhandledWarnings: Sendable {
    /// The number of routes that are warned of.
    static let longestList = 20
    /// The number of the routes with handlers that are named.
    private static let namedRoutes = 10

    private struct State {
        var routes: Set<String> = []
        /// Whether a message without a route was said to be an object, and whether one was said to be none.
        var missedRoutes: Set<Bool> = []
        var isFull = false
    }

    private enum Line {
        case noRoute
        case noHandler(String)
        case full
    }

    private let logger: Logger
    private let router: any MessageRouter
    private let state = Lock(State())

    init(logger: Logger, router: any MessageRouter) {
        self.logger = logger
        self.router = router
    }

    /// - Parameter route: The message's; `nil` when it has none.
    func note(_ message: WebSocketMessage, _ route: String?, _ table: HandlerTable) {
        // A program that takes every message, or asks for those that nobody takes, knows already.
        guard table.message.isEmpty, table.unhandled.isEmpty else { return }
        let shown = route?.visible(limit: 100)
        let isObject = Self.isObject(message)
        guard let line = state.withLock({ Self.line(for: shown, isObject: isObject, &$0) }) else { return }
        switch line {
        case .noRoute:
            logger.warning("no route was found in a message, so that no handler gets it: \(search(message)); said once")
        case .noHandler(let route):
            logger.warning(
                "no handler is registered for the route \"\(route)\", \(origin): \(others(table)); said once for this route",
                metadata: [LoggingKeys.route: "\(route)"])
        case .full:
            logger.warning(
                "no handler is registered for more than \(Self.longestList) routes; further ones are not named")
        }
    }

    private static func line(for route: String?, isObject: Bool, _ state: inout State) -> Line? {
        guard let route else { return state.missedRoutes.insert(isObject).inserted ? .noRoute : nil }
        guard !state.isFull, !state.routes.contains(route) else { return nil }
        guard state.routes.count < longestList else {
            state.isFull = true
            state.routes = []
            return .full
        }
        state.routes.insert(route)
        return .noHandler(route)
    }

    /// Words on what was looked for in the message, and on how to look for something else.
    private func search(_ message: WebSocketMessage) -> String {
        guard let router = router as? JSONRouter else { return "the router of Options.router found none" }
        let others = "Messages without a route are for onMessage and onUnhandled"
        guard Self.isObject(message) else {
            return "it is no JSON object, and so has no top-level key \"\(router.routeKey)\", the route's. \(others)"
        }
        let keys = Self.keys(of: message).map { $0.visible(limit: 50) }
        let found = keys.isEmpty ? "" : ", but " + keys.map { "\"\($0)\"" }.joined(separator: ", ")
        return """
            it has no value under the top-level JSON key "\(router.routeKey)"\(found). If the route of your protocol is under \
            another one, say which: SocketService.Options(router: .json(routeKey: "\(keys.first ?? "…")")). \(others)
            """
    }

    private static func isObject(_ message: WebSocketMessage) -> Bool {
        message.payload.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == UInt8(ascii: "{")
    }

    /// The first few top-level keys in order of the alphabet; none of what is large or no JSON.
    private static func keys(of message: WebSocketMessage) -> [String] {
        guard message.payload.count <= 64 << 10,
            let keys = try? JSONDecoder().decode(TopLevelKeys.self, from: Data(message.payload))
        else { return [] }
        return Array(keys.names.sorted().prefix(namedRoutes))
    }

    private struct TopLevelKeys: Decodable {
        struct Name: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }

            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        let names: [String]

        init(from decoder: any Decoder) throws {
            names = try decoder.container(keyedBy: Name.self).allKeys.map(\.stringValue)
        }
    }

    private var origin: String {
        (router as? JSONRouter).map { "read from the top-level JSON key \"\($0.routeKey)\"" }
            ?? "which the router found"
    }

    private func others(_ table: HandlerTable) -> String {
        let routes = table.registry.registeredRoutes.sorted()
        guard !routes.isEmpty else { return "no handler is registered for any route" }
        let named = routes.prefix(Self.namedRoutes).map { "\"\($0.visible(limit: 50))\"" }.joined(separator: ", ")
        return "there are handlers for \(named)\(routes.count > Self.namedRoutes ? ", …" : "")"
    }
}
