import Foundation
import StarscreamCompat

/// A program for Starscream 4, as its README has it: only the import is another one.
final class StarscreamFeed: WebSocketDelegate {
    let socket: WebSocket
    private let received: (String) -> Void
    private var isConnected = false

    init(url: URL, received: @escaping (String) -> Void) {
        var request = URLRequest(url: url)
        request.timeoutInterval = 5
        request.setValue("Bearer 42", forHTTPHeaderField: "Authorization")
        socket = WebSocket(request: request)
        self.received = received
        socket.callbackQueue = DispatchQueue(label: "com.example.feed")
        socket.delegate = self
    }

    func start() {
        socket.connect()
    }

    func stop() {
        socket.disconnect(closeCode: CloseCode.goingAway.rawValue)
    }

    // MARK: WebSocketDelegate

    func didReceive(event: WebSocketEvent, client: any WebSocketClient) {
        switch event {
        case .connected(let headers):
            isConnected = true
            received("open \(headers.isEmpty ? "without" : "with") headers")
            client.write(string: "subscribe")
            client.write(ping: Data())
        case .disconnected(let reason, let code):
            isConnected = false
            received("disconnected \(code) \(reason)")
        case .text(let text):
            received(text)
        case .binary(let data):
            received("\(data.count) bytes")
        case .ping:
            break
        case .pong:
            received("pong")
        case .viabilityChanged:
            break
        case .reconnectSuggested:
            break
        case .cancelled:
            isConnected = false
            received("cancelled")
        case .error(let error):
            isConnected = false
            received("failed: \(error.map { "\($0)" } ?? "")")
        case .peerClosed:
            received("the peer has gone")
        }
    }
}
