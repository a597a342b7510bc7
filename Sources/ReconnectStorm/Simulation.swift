import WebSocketService
import WebSocketTesting

/// Many clients that lose one server in the same instant, all with the same policy.
///
/// The server is down for ``outage``; clients that try meanwhile are refused. Afterwards it takes ``capacity`` connections
/// in each second and refuses the others. Attempts take no time. No clock runs: what is simulated is the policy's own code.
struct Simulation {
    var clientCount = 10_000
    var outage = Duration.seconds(20)
    /// In the order of what one core completes in TLS handshakes with libwebsockets and OpenSSL.
    var capacity = 1_000
    /// Clients that are not connected after this count as lost.
    var limit = Duration.seconds(600)
    var seed: UInt64 = 1

    struct Result {
        /// The attempts in each tenth of a second.
        var attempts: [Int] = []
        /// The number of clients that were connected at the end of each tenth of a second.
        var connected: [Int] = []
    }

    private struct Client {
        var failures = 0
        var delay: Duration?
        var nextAttempt = Duration.zero
    }

    func run(_ policy: ReconnectPolicy) -> Result {
        var generator = SeededGenerator(seed: seed)
        let refused = ConnectionFailure.connectFailed(
            WebSocketError(.connectFailed, stage: .connect, message: "the simulated server refused the connection"))
        let lost = ConnectionFailure.lost(
            WebSocketError(.connectionLost, stage: .open, message: "the simulated server died"))
        var clients = [Client](repeating: Client(), count: clientCount)
        // The clients that try, by tenth of a second.
        var attempting = [[Int]](repeating: [], count: Int(limit / .milliseconds(100)))
        var waitingCount = 0
        func schedule(_ index: Int, after failure: ConnectionFailure, now: Duration) {
            let client = clients[index]
            let context = ReconnectPolicy.Context(
                failure: failure, failuresBefore: client.failures, previousDelay: client.delay)
            guard case .retry(let delay) = policy.decision(context, using: &generator) else { return }
            clients[index] = Client(failures: client.failures + 1, delay: delay, nextAttempt: now + delay)
            let tenth = Int((now + delay) / .milliseconds(100))
            guard attempting.indices.contains(tenth) else { return }
            attempting[tenth].append(index)
            waitingCount += 1
        }
        for index in clients.indices { schedule(index, after: lost, now: .zero) }

        var result = Result()
        var connectedCount = 0
        var second = -1
        var room = 0
        for tenth in attempting.indices where waitingCount > 0 {
            var attempts = 0
            // Within a tenth of a second a client with short delays may try more than once.
            while !attempting[tenth].isEmpty {
                let due = attempting[tenth].sorted { clients[$0].nextAttempt < clients[$1].nextAttempt }
                attempting[tenth] = []
                waitingCount -= due.count
                attempts += due.count
                for index in due {
                    let now = clients[index].nextAttempt
                    if Int(now.components.seconds) != second {
                        second = Int(now.components.seconds)
                        room = capacity
                    }
                    if now >= outage, room > 0 {
                        room -= 1
                        connectedCount += 1
                    } else {
                        schedule(index, after: refused, now: now)
                    }
                }
            }
            result.attempts.append(attempts)
            result.connected.append(connectedCount)
        }
        return result
    }
}
