import Logging
import WebSocketService
import WebSocketTesting
internal import LibC

// The whole story in one process, on the loopback interface: a wss server with a throw-away certificate authority, and a
// service that lives through the server's death. Read it from top to bottom to learn the API.

/// The messages of the demo's client and server. `socketType` is the route.
struct Order: Codable, Sendable {
    var socketType = "order"
    var id: Int
    var item: String
}

struct Confirmation: Codable, Sendable {
    var socketType = "confirmation"
    var id: Int
    var item: String
}

struct Price: Codable, Sendable {
    var socketType = "price"
    var item: String
    var cents: Int
}

struct Subscription: Codable, Sendable {
    var socketType = "subscribe"
    var topic: String
}

/// An event that must not happen: the demo then fails.
struct LostOrders: Error {
    let arrived: [Int]
}

@main
enum Demo {
    static func main() async {
        do {
            try await run()
        } catch {
            // Thrown from here, an error ends in a trap and a stack trace that hide what it says.
            print("demo: error: \(error)")
            exit(1)
        }
    }

    static func run() async throws {
        let clock = ContinuousClock()
        let start = clock.now
        let say: @Sendable (String) -> Void = { text in
            let (seconds, attoseconds) = start.duration(to: clock.now).components
            let tenths = seconds * 10 + attoseconds / 100_000_000_000_000_000
            print("[\(tenths / 10).\(tenths % 10) s] \(text)")
        }

        // 1. A server, as integration tests use it.
        let shop = Shop()
        let server = try await TestServer.start { socket, _ in try await shop.serve(socket) }
        say("a wss server listens at \(server.url), with a certificate of a throw-away authority")

        // 2. A service. Its transport trusts that authority and nothing else.
        let service = SocketService(
            server.url,
            transport: WebSocketTransport(configuration: server.clientConfiguration),
            // Each delay is drawn from the upper half of its bound, so that one can see them grow. The default, full jitter,
            // draws from the whole of it, which spreads many clients better.
            reconnect: .exponential(initial: .milliseconds(200), multiplier: 2, maximum: .seconds(2), jitter: .equal),
            heartbeat: .ping(every: .milliseconds(400), timeout: .seconds(2)),
            queue: QueuePolicy(limit: 100, overflow: .dropOldest),
            // The demo tells its story itself; an app leaves the logger as it is.
            options: SocketService.Options(logger: Logger(label: "demo") { _ in SwiftLogNoOpLogHandler() }))

        // 3. Callbacks by the name of the message; the payload arrives decoded.
        let log = Log()
        service.register("confirmation", as: Confirmation.self) { confirmation in
            await log.confirm(confirmation.id)
            say("  <- confirmation \(confirmation.id): \(confirmation.item)")
        }
        service.register("price", as: Price.self) { price in
            await log.notePrice()
            say("  <- pushed price: \(price.item) at \(price.cents) cents")
        }
        // Runs on each connection before anything that was queued: the place to renew subscriptions.
        service.onOpen { [weak service] context in
            say(context.isReconnect ? "connected again; renewing the subscription" : "connected")
            try await service?.send(Subscription(topic: "price"))
        }
        service.onClose { end in
            await log.noteEnd()
            say("connection ended: \(end.code)")
        }

        // 4. The events beside the messages.
        let events = service.events
        let narrator = Task {
            for await event in events {
                switch event {
                case .waiting(let delay, let attempt):
                    say("waiting \(milliseconds(delay)) ms before attempt \(attempt)")
                case .failed(.connectFailed(let error)):
                    await log.noteFailedAttempt()
                    say("attempt failed: \(error)")
                case .roundTrip(let time): await log.note(roundTrip: time)
                default: break
                }
            }
        }

        try await service.start(waitingForOpen: true)

        // 5. Messages, and a request that waits for its reply.
        try await service.send(Order(id: 1, item: "tea"))
        let reply = try await service.request(
            Order(id: 2, item: "coffee"), reply: "confirmation", as: Confirmation.self, timeout: .seconds(5))
        say("  <- the answer to request \(reply.id), for its caller alone: \(reply.item)")
        await log.confirm(reply.id)
        await log.wait { $0.roundTrips.count >= 2 && $0.prices == 1 && $0.confirmed.contains(1) }
        say("heartbeats answered in \(await log.roundTrips.map { "\(microseconds($0)) µs" }.joined(separator: ", "))")

        // 6. The server dies without a word. Messages sent meanwhile wait in the queue.
        say("killing the server")
        await server.kill()
        await log.wait { $0.ends == 1 }
        for id in 3...7 {
            let outcome = try await service.send(Order(id: id, item: "item \(id)"))
            say("  -> order \(id): \(outcome)")
        }
        await log.wait { $0.failedAttempts >= 3 }

        // 7. The server comes back. `onOpen` renews the subscription, then the queue is sent in its order.
        say("restarting the server on the same port")
        try await server.restart()
        await log.wait { $0.confirmed.isSuperset(of: 1...7) && $0.prices == 2 }
        let arrived = await shop.orders
        say("the server got orders \(arrived.map(String.init).joined(separator: ", ")), in the order they were sent")

        // 8. A clean stop returns what was never sent. The events end with it.
        let unsent = await service.stop()
        await narrator.value
        await server.stop()
        say("stopped; \(unsent.count) of its messages were left in the queue")

        // 9. Errors say what failed and what to do.
        print("\nA server whose authority is not trusted:")
        await expectFailure(trusting: .system, names: ["localhost"])
        print("\nA server with a certificate for another name:")
        await expectFailure(trusting: nil, names: ["other.example.com"])

        let statistics = service.statistics
        print(
            """

            Summary
              sent            \(statistics.messagesSent) messages
              received        \(statistics.messagesReceived) messages
              connections     \(statistics.connectionsOpened), after \(statistics.attempts) attempts
              subscriptions   \(await shop.subscriptions), one on each connection
              orders          7 sent, \(arrived.count) arrived, \(7 - arrived.count) lost
              never sent      \(unsent.count)
              took            \(milliseconds(start.duration(to: clock.now))) ms
            """)
        await SocketLoop.shared.shutDown()
        guard arrived == Array(1...7), unsent.isEmpty else { throw LostOrders(arrived: arrived) }
    }

    /// Connects to a server that must be refused, and shows the error.
    static func expectFailure(trusting roots: TrustRoots?, names: [String]) async {
        do {
            let server = try await TestServer.start(certificate: { try $0.issue(names: names) }, handler: { _, _ in })
            let tls = roots.map { TLSClientConfiguration(trustRoots: $0) } ?? server.clientTLS
            do {
                _ = try await WebSocket.connect(to: server.url, configuration: WebSocketConfiguration(tls: tls))
                print("  connected, which must not happen")
            } catch {
                print("  \(error)")
            }
            await server.stop()
        } catch {
            print("  the server could not be started: \(error)")
        }
    }

    static func milliseconds(_ duration: Duration) -> Int64 {
        microseconds(duration) / 1000
    }

    static func microseconds(_ duration: Duration) -> Int64 {
        duration.components.seconds * 1_000_000 + duration.components.attoseconds / 1_000_000_000_000
    }
}
