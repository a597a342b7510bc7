internal import HashTreeCollections

/// The handlers of a service, by route, each route's in the order of their registration.
///
/// A dispatcher holds a copy while others register: in a tree, of which a change copies the way to the route only, so that
/// registering n routes takes n times as long as one.
struct CallbackRegistry: Sendable {
    typealias MessageCallback = Callback<WebSocketMessage>

    private var routes: TreeDictionary<String, [MessageCallback]> = [:]

    /// The routes that have handlers, in no order.
    var registeredRoutes: [String] { Array(routes.keys) }

    func callbacks(for route: String) -> [MessageCallback] {
        routes[route] ?? []
    }

    mutating func add(_ callback: MessageCallback, to route: String) {
        routes[route, default: []].append(callback)
    }

    mutating func remove(_ callback: MessageCallback, from route: String) {
        callback.cancel()
        routes[route]?.removeAll { $0 === callback }
        if routes[route]?.isEmpty == true { routes[route] = nil }
    }

    /// Loops over the messages of the route stay.
    ///
    /// - Returns: The number of handlers that the route had.
    @discardableResult
    mutating func removeAll(from route: String) -> Int {
        let all = routes.removeValue(forKey: route) ?? []
        let loops = all.filter(\.isLoops)
        if !loops.isEmpty { routes[route] = loops }
        for callback in all where !callback.isLoops { callback.cancel() }
        return all.count - loops.count
    }
}
