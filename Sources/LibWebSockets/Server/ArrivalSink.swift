internal import Synchronization

/// The receiver of the listener's new connections. The server exists only after the listener, so early ones wait here.
final class ArrivalSink: Sendable {
    private struct State {
        weak var server: WebSocketServer?
        var early: [ServerListener.Arrival] = []
        var isConnected = false
    }

    private let state = Lock(State())

    func accept(_ arrival: ServerListener.Arrival) {
        let server: WebSocketServer? = state.withLock { state in
            if !state.isConnected { state.early.append(arrival) }
            return state.server
        }
        server?.serve(arrival)
    }

    func connect(to server: WebSocketServer) {
        let early = state.withLock { state in
            state.isConnected = true
            state.server = server
            defer { state.early = [] }
            return state.early
        }
        for arrival in early { server.serve(arrival) }
    }
}
