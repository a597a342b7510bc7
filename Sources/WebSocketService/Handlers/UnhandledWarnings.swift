internal import Logging
internal import LibWebSockets

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
        var hasMissedRoute = false
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
    func note(_ route: String?, _ table: HandlerTable) {
        // A program that takes every message, or asks for those that nobody takes, knows already.
        guard table.message.isEmpty, table.unhandled.isEmpty else { return }
        let shown = route?.visible(limit: 100)
        guard let line = state.withLock({ Self.line(for: shown, &$0) }) else { return }
        switch line {
        case .noRoute:
            logger.warning("no route was found in a message, so that no handler gets it: \(search); said once")
        case .noHandler(let route):
            logger.warning(
                "no handler is registered for the route \"\(route)\", \(origin): \(others(table)); said once for this route",
                metadata: [LoggingKeys.route: "\(route)"])
        case .full:
            logger.warning(
                "no handler is registered for more than \(Self.longestList) routes; further ones are not named")
        }
    }

    private static func line(for route: String?, _ state: inout State) -> Line? {
        guard let route else {
            defer { state.hasMissedRoute = true }
            return state.hasMissedRoute ? nil : .noRoute
        }
        guard !state.isFull, !state.routes.contains(route) else { return nil }
        guard state.routes.count < longestList else {
            state.isFull = true
            state.routes = []
            return .full
        }
        state.routes.insert(route)
        return .noHandler(route)
    }

    /// Words on what was looked for, and on how to look for something else.
    private var search: String {
        guard let router = router as? JSONRouter else { return "the router of Options.router found none" }
        let example = router.routeKey == "type" ? "event" : "type"
        return """
            it has no value under the top-level JSON key "\(router.routeKey)". If the route of your protocol is under another \
            one, say which: SocketService.Options(router: .json(routeKey: "\(example)")). Messages without a route are for \
            onMessage and onUnhandled
            """
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
