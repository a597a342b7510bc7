internal import Synchronization
internal import LibWebSockets

/// The services of an app that has several sockets, by name. They share nothing but their place here.
///
/// ```swift
/// let sockets = SocketServiceDirectory()
/// try sockets.add(SocketService("wss://feed.example.com/prices"), named: "prices")
/// try sockets.add(SocketService("wss://chat.example.com/"), named: "chat")
/// try await sockets.startAll()
/// try await sockets["chat"]?.send("hello")
/// ```
public final class SocketServiceDirectory: Sendable {
    private let services = Lock<[(name: String, service: SocketService)]>([])

    /// An empty directory.
    public init() {}

    /// The service of this name.
    public subscript(name: String) -> SocketService? {
        services.withLock { services in services.first { $0.name == name }?.service }
    }

    /// The names, in the order in which the services were added.
    public var names: [String] {
        services.withLock { $0.map(\.name) }
    }

    /// Adds a service, started or not.
    ///
    /// - Throws: ``SocketServiceError`` with the code ``SocketServiceError/Code/nameTaken``.
    public func add(_ service: SocketService, named name: String) throws {
        try services.withLock { services in
            guard !services.contains(where: { $0.name == name }) else {
                throw SocketServiceError(.nameTaken, "there is a service named \"\(name)\" already; remove it first")
            }
            services.append((name, service))
        }
    }

    /// Takes a service out. It goes on as it was: to stop it is the caller's.
    @discardableResult
    public func remove(_ name: String) -> SocketService? {
        services.withLock { services in
            guard let index = services.firstIndex(where: { $0.name == name }) else { return nil }
            return services.remove(at: index).service
        }
    }

    /// Starts every service, at the same time, or none of them if one has a URL or header that cannot be used.
    ///
    /// - Throws: The error of ``SocketService/start(waitingForOpen:)``; of several errors the first.
    public func startAll(waitingForOpen: Bool = false) async throws {
        let services = all
        for (_, service) in services { try service.validate() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (_, service) in services {
                group.addTask { try await service.start(waitingForOpen: waitingForOpen) }
            }
            try await group.waitForAll()
        }
    }

    /// Stops every service, at the same time, and takes them all out.
    ///
    /// - Returns: By name, the messages that were queued and never sent.
    @discardableResult
    public func stopAll(
        code: CloseCode = .normalClosure, reason: String = ""
    ) async -> [String: [WebSocketMessage]] {
        let services = services.withLock { services in
            defer { services = [] }
            return services
        }
        return await withTaskGroup(of: (String, [WebSocketMessage]).self) { group in
            for (name, service) in services {
                group.addTask { (name, await service.stop(code: code, reason: reason)) }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
    }

    private var all: [(name: String, service: SocketService)] {
        services.withLock(\.self)
    }
}
