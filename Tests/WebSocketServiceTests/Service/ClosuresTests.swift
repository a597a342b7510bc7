import Synchronization
import Testing
import WebSocketTesting

@testable import WebSocketService

/// The app's closures may ask the service for anything.
@Suite("Closures of the app", .timeLimit(.minutes(10))) struct ClosuresTests {
    /// A service that a closure can reach which was made before it.
    private final class Reference: Sendable {
        private let service = Lock<SocketService?>(nil)

        /// `nil` in the end: what the service keeps would keep the service.
        func set(_ service: SocketService?) {
            self.service.withLock { $0 = service }
        }

        func use() {
            guard let service = service.withLock({ $0 }) else { return }
            _ = (service.state, service.statistics)
        }

        func reconnect() {
            use()
            service.withLock { $0 }?.reconnectNow()
        }

        /// The calls that an attempt's own closure may make without giving the attempt up.
        func look() {
            guard let service = service.withLock({ $0 }) else { return }
            _ = (service.state, service.statistics)
        }
    }

    private struct CuriousRouter: MessageRouter {
        let reference: Reference
        let json = JSONRouter()

        func route(of message: WebSocketMessage) -> String? {
            reference.use()
            return json.route(of: message)
        }
        func correlationID(of message: WebSocketMessage) -> String? {
            reference.use()
            return json.correlationID(of: message)
        }
        func correlated(
            _ request: WebSocketMessage, proposedID: UInt64
        ) -> (message: WebSocketMessage, id: String)? {
            reference.use()
            return json.correlated(request, proposedID: proposedID)
        }
    }

    private struct CuriousGenerator: RandomNumberGenerator, Sendable {
        let reference: Reference
        func next() -> UInt64 {
            reference.reconnect()
            return .max
        }
    }

    @Test(
        "A policy, a schedule and a generator may read the service",
        arguments: ["overrule", "custom", "schedule", "jitter"])
    func policiesMayReadTheService(kind: String) async throws {
        let reference = Reference()
        let policy: ReconnectPolicy =
            switch kind {
            case "overrule":
                ReconnectPolicy(schedule: .fixed(.seconds(1))) { _, decision in
                    reference.reconnect()
                    return decision
                }
            case "custom":
                .custom { _ in
                    reference.reconnect()
                    return .seconds(1)
                }
            case "schedule":
                ReconnectPolicy(
                    schedule: .custom { _ in
                        reference.reconnect()
                        return .seconds(1)
                    })
            default: .exponential(initial: .seconds(1))
            }
        let fixture = Fixture(
            [.connectionRefused], reconnect: policy, generator: CuriousGenerator(reference: reference))
        reference.set(fixture.service)
        // `reconnectNow()` of the closure overtakes its own decision.
        try await fixture.service.start(waitingForOpen: true)
        #expect(fixture.transport.requests.count == 2)
        await fixture.service.stop()
        reference.set(nil)
    }

    @Test("A router may read the service while a request waits")
    func aRouterMayReadTheService() async throws {
        let reference = Reference()
        let fixture = Fixture(configure: { $0.router = CuriousRouter(reference: reference) })
        reference.set(fixture.service)
        let service = fixture.service
        let peer = try await fixture.open()
        await fixture.untilDirect()
        let request = Task { try await service.request(message: .text(#"{"id":"q"}"#)) }
        _ = try await peer.nextSent()
        peer.deliver(#"{"socketType":"x"}"#, #"{"id":"q"}"#)
        #expect(try await request.value == .text(#"{"id":"q"}"#))
        await service.stop()
        reference.set(nil)
    }

    @Test("A heartbeat's closures may read the service")
    func aHeartbeatMayReadTheService() async throws {
        let reference = Reference()
        let fixture = Fixture(
            heartbeat: .message(
                every: .seconds(60),
                isAnswer: {
                    reference.use()
                    return $0.text == "pong"
                }
            ) {
                reference.look()
                return .text("ping")
            })
        reference.set(fixture.service)
        let peer = try await fixture.open()
        peer.deliver("pong")
        try await fixture.events.next { $0.hasPrefix("round trip") }
        await fixture.service.stop()
        reference.set(nil)
    }
}
