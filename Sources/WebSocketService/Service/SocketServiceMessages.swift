/// The messages of a service as an asynchronous sequence, with back-pressure. The loop gets the next message when it asks for
/// it. While one waits for that, nothing behind it is shown to anybody. A message that the loop has taken is its own: handlers
/// and other loops may see those that come next while its body runs.
///
/// Each loop gets every message from the moment it begins; one that a loop has taken is not unhandled. It ends when the
/// service is stopped or the loop's task is cancelled. In a handler of the service's own, which no message comes beside, it
/// ends at once, and ``SocketService/onError(_:)`` says so: begin it in a `Task` that the handler does not wait for.
public struct SocketServiceMessages: AsyncSequence, Sendable {
    public typealias Element = WebSocketMessage
    public typealias Failure = Never

    let service: SocketService
    let route: String?

    public func makeAsyncIterator() -> Iterator {
        Iterator(subscription: Subscription(service, route: route))
    }

    /// One loop over the messages. It gets those that arrive from now on, until it is let go of.
    public struct Iterator: AsyncIteratorProtocol {
        let subscription: Subscription

        public mutating func next() async -> WebSocketMessage? {
            await subscription.next()
        }

        public mutating func next(isolation actor: isolated (any Actor)?) async -> WebSocketMessage? {
            await subscription.next()
        }
    }

    /// Ends with the iterator, so that a loop that was left does not stop the service.
    final class Subscription: Sendable {
        let handoff = MessageHandoff()
        private let dispatcher: Dispatcher
        private let registration: Registration

        init(_ service: SocketService, route: String?) {
            let handoff = handoff
            dispatcher = service.dispatcher
            guard let route else {
                registration = service.add(handoff, to: \.loops)
                return
            }
            let messages = service.add(
                CallbackRegistry.MessageCallback(isLoops: true) { try await handoff.offer($0) }, to: route)
            let ending = service.add(handoff, to: \.routeLoops)
            registration = Registration {
                messages.cancel()
                ending.cancel()
            }
        }

        deinit {
            registration.cancel()
            handoff.finish()
        }

        func next() async -> WebSocketMessage? {
            guard dispatcher.isHandlerTask else { return await handoff.next() }
            registration.cancel()
            if handoff.finish() { dispatcher.report(.loopInHandler) }
            return nil
        }
    }
}

extension SocketService {
    /// All messages, as a sequence; answers to requests are not among them.
    ///
    /// ```swift
    /// for await message in service.messages { print(message.text ?? "") }
    /// ```
    public var messages: SocketServiceMessages {
        SocketServiceMessages(service: self, route: nil)
    }

    /// The messages of a route, as a sequence.
    public func messages(of route: String) -> SocketServiceMessages {
        SocketServiceMessages(service: self, route: route)
    }

    /// Adds a loop, which ends with the service.
    fileprivate func add(
        _ loop: MessageHandoff, to loops: any WritableKeyPath<HandlerTable, [MessageHandoff]> & Sendable
    ) -> Registration {
        if !handlers.change({ $0[keyPath: loops].append(loop) }) { loop.finish() }
        return Registration { [weak handlers] in
            handlers?.change { $0[keyPath: loops].removeAll { $0 === loop } }
        }
    }
}
