/// Routes by a closure, for formats of the app's own.
public struct ClosureRouter: MessageRouter {
    private let closure: @Sendable (WebSocketMessage) -> String?

    /// A router that calls this closure.
    ///
    /// - Parameter route: Returns the route of a message. Called in the service's tasks once for each message, and once
    ///   more while a request waits; `nil` makes it an unhandled one.
    public init(_ route: @escaping @Sendable (WebSocketMessage) -> String?) {
        closure = route
    }

    public func route(of message: WebSocketMessage) -> String? {
        closure(message)
    }
}

extension MessageRouter where Self == ClosureRouter {
    /// Routes by a closure, for formats of the app's own.
    public static func custom(_ route: @escaping @Sendable (WebSocketMessage) -> String?) -> ClosureRouter {
        ClosureRouter(route)
    }
}
