extension SocketService {
    /// Calls a handler with each message of a route.
    ///
    /// The route is what the router reads from the message; with the default one, the value of the JSON key
    /// `socketType`. Several handlers of a route are called in the order of their registration. A handler that throws is
    /// reported by ``onError(_:)``, and stops nothing.
    ///
    /// - Returns: The way to remove this handler. Letting go of it keeps the handler.
    @discardableResult
    public func register(
        _ route: String, _ handler: @escaping @Sendable (WebSocketMessage) async throws -> Void
    ) -> Registration {
        add(CallbackRegistry.MessageCallback(handler), to: route)
    }

    func add(_ callback: CallbackRegistry.MessageCallback, to route: String) -> Registration {
        handlers.change { $0.registry.add(callback, to: route) }
        // Weak, so that an owner of both the handler and its registration goes when the handler is removed otherwise.
        return Registration { [weak handlers, weak callback] in
            guard let callback else { return }
            handlers?.change { $0.registry.remove(callback, from: route) }
        }
    }

    /// Calls a handler with each message of a route, decoded as a type.
    ///
    /// A message that does not decode is reported by ``onDecodeFailure(_:)``; other handlers of the route still get it.
    ///
    /// - Returns: The way to remove this handler. Letting go of it keeps the handler.
    @discardableResult
    public func register<Payload: Decodable & Sendable>(
        _ route: String, as type: Payload.Type, _ handler: @escaping @Sendable (Payload) async throws -> Void
    ) -> Registration {
        let codec = environment.options.codec
        return register(route) { message in
            let payload: Payload
            do {
                payload = try codec.decode(type, from: message)
            } catch {
                throw UndecodableMessage(type: type, underlying: error)
            }
            try await handler(payload)
        }
    }

    /// Removes all handlers of a route. Loops over its messages go on.
    ///
    /// - Returns: The number of handlers that were removed.
    @discardableResult
    public func unregister(_ route: String) -> Int {
        var count = 0
        handlers.change { count = $0.registry.removeAll(from: route) }
        return count
    }

    /// Calls a handler each time the connection is open, before anything that is queued is sent.
    ///
    /// Messages that the handler itself sends go out at once, ahead of the queue: here subscriptions are renewed. It may
    /// wait for ``request(_:reply:as:correlated:timeout:survivesReconnect:)``. Messages wait until it has returned.
    ///
    /// The handler's task is cancelled when the connection ends, other than by the handler's own `stop` or `pause`. In any
    /// case messages that it sends from then on are dropped with ``DropReason/connectionEnded``: the next connection has a
    /// call of its own. When a handler throws, no further one is called, nothing of the queue is sent, the connection is
    /// aborted with ``ConnectionFailure/onOpenFailed(_:)``, and the reconnect policy decides when to try again.
    @discardableResult
    public func onOpen(_ handler: @escaping @Sendable (OpenContext) async throws -> Void) -> Registration {
        handlers.add(Callback(handler), to: \.open)
    }

    /// Calls a handler with each message, before the handlers of its route. Answers to requests are not among them. Like
    /// all handlers but those of ``onDropped(_:)``, it runs in a task of the service's, one at a time, in the order of
    /// arrival.
    @discardableResult
    public func onMessage(_ handler: @escaping @Sendable (WebSocketMessage) async throws -> Void) -> Registration {
        handlers.add(Callback(handler), to: \.message)
    }

    /// Calls a handler each time a connection that was open has ended, after all of its messages.
    @discardableResult
    public func onClose(_ handler: @escaping @Sendable (ConnectionEnd) async throws -> Void) -> Registration {
        handlers.add(Callback(handler), to: \.close)
    }

    /// Calls a handler with each failed attempt, lost connection, other handler that threw and, in the end, with
    /// ``SocketServiceError/Code/gaveUp``.
    @discardableResult
    public func onError(_ handler: @escaping @Sendable (SocketServiceError) async -> Void) -> Registration {
        handlers.add(Callback(handler), to: \.error)
    }

    /// Calls a handler with each message for whose route no handler is registered, and the route; `nil` when the message
    /// has none.
    @discardableResult
    public func onUnhandled(
        _ handler: @escaping @Sendable (WebSocketMessage, String?) async throws -> Void
    ) -> Registration {
        handlers.add(Callback { try await handler($0.message, $0.route) }, to: \.unhandled)
    }

    /// Calls a handler with each message that does not decode as a registered handler's type, and why.
    @discardableResult
    public func onDecodeFailure(
        _ handler: @escaping @Sendable (WebSocketMessage, SocketServiceError) async throws -> Void
    ) -> Registration {
        handlers.add(Callback { try await handler($0.message, $0.error) }, to: \.decodeFailure)
    }

    /// Calls a handler with each message that was queued and will not be sent after all, and why.
    ///
    /// Unlike the other handlers it is called at once, in the call or task that caused the drop, and should return quickly.
    /// That may be a call of the app's: the task-local values that the handler sees are that call's.
    @discardableResult
    public func onDropped(_ handler: @escaping @Sendable (WebSocketMessage, DropReason) -> Void) -> Registration {
        let hook = DropHook(handler)
        handlers.change { $0.dropped.append(hook) }
        return Registration { [weak handlers, weak hook] in
            guard let hook else { return }
            handlers?.change { $0.dropped.removeAll { $0 === hook } }
        }
    }
}
