import LibWebSockets
import Synchronization
import WebSocketTesting

/// A server that treats its clients badly, until it is told to be good.
final class StormyServer: Sendable {
    private struct State {
        var isCalm = false
        /// The clients that do not read for now.
        var isStalling = false
        var sockets: [ObjectIdentifier: WebSocket] = [:]
        var lastReturn: ContinuousClock.Instant?
        /// The token that a client has to show: the number grows when the tokens before it expire.
        var token = 0
        var refusedTokens = 0
    }

    private let state: SharedState
    let server: TestServer
    let ledger: Ledger

    private final class SharedState: Sendable {
        let value = Mutex(State())
    }

    private init(server: TestServer, state: SharedState, ledger: Ledger) {
        self.server = server
        self.state = state
        self.ledger = ledger
    }

    static func start(ledger: Ledger) async throws -> StormyServer {
        let state = SharedState()
        var configuration = WebSocketServer.Configuration()
        configuration.logger.logLevel = .error
        configuration.decide = { request in
            state.value.withLock { state in
                if request.headers[.authorization] == "Bearer \(state.token)" { return .accept() }
                state.refusedTokens += 1
                return .refuse(.unauthorized)
            }
        }
        let server = try await TestServer.start(configuration: configuration, on: SocketLoop()) { socket, _ in
            state.value.withLock { $0.sockets[ObjectIdentifier(socket)] = socket }
            defer { state.value.withLock { _ = $0.sockets.removeValue(forKey: ObjectIdentifier(socket)) } }
            var last: [Int: Int] = [:]
            for try await message in socket.messages {
                while state.value.withLock({ $0.isStalling && !$0.isCalm }) {
                    try await Task.sleep(for: .milliseconds(20))
                }
                if let number = Order.number(in: message), let sender = Order.sender(in: message) {
                    if let previous = last[sender], previous >= number { ledger.arrivedOutOfOrder() }
                    last[sender] = number
                    ledger.arrived(number)
                    try await socket.send(message)
                } else if let text = message.text, text.contains(#""socketType":"ask""#) {
                    try await socket.send(
                        text.replacing(#""socketType":"ask""#, with: #""socketType":"answer""#))
                }
            }
        }
        return StormyServer(server: server, state: state, ledger: ledger)
    }

    /// The time at which it was last there again after it had been away.
    var lastReturn: ContinuousClock.Instant? { state.value.withLock(\.lastReturn) }

    var token: Int { state.value.withLock(\.token) }
    var refusedTokens: Int { state.value.withLock(\.refusedTokens) }

    func calmDown() { state.value.withLock { $0.isCalm = true } }

    /// Does one bad thing.
    func misbehave(using generator: inout SeededGenerator) async throws {
        switch Int.random(in: 0..<7, using: &generator) {
        case 0:
            await server.kill()
            try await comeBack(using: &generator)
        case 1:
            await server.stop()
            try await comeBack(using: &generator)
        case 2:
            state.value.withLock { $0.isStalling = true }
            try await Task.sleep(for: .milliseconds(Int.random(in: 50...1_500, using: &generator)))
            state.value.withLock { $0.isStalling = false }
        case 3:
            let share = Double.random(in: 0...1, using: &generator)
            for socket in state.value.withLock({ Array($0.sockets.values) })
            where Double.random(in: 0...1, using: &generator) < share {
                socket.abort()
            }
        case 4:
            let codes: [CloseCode] = [.normalClosure, .internalError, .serviceRestart, .policyViolation]
            let code = codes.randomElement(using: &generator) ?? .normalClosure
            for socket in state.value.withLock({ Array($0.sockets.values) })
            where Bool.random(using: &generator) {
                Task { await socket.close(code: code) }
            }
        case 5:
            let sockets = state.value.withLock { state in
                state.token += 1
                return Array(state.sockets.values)
            }
            for socket in sockets {
                Task { await socket.close(code: CloseCode(rawValue: 4_401), reason: "token expired") }
            }
        default:
            for number in 0..<500 { server.broadcast(.text(#"{"socketType":"news","x":\#(number)}"#)) }
        }
    }

    private func comeBack(using generator: inout SeededGenerator) async throws {
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...700, using: &generator)))
        try await server.restart()
        state.value.withLock { $0.lastReturn = .now }
    }
}
