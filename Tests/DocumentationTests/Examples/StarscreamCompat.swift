import Foundation
import StarscreamCompat

enum StarscreamCompatExamples {
    static func connect(_ url: URL) -> WebSocket {
        func connect(_ url: URL) -> WebSocket {
            let socket = WebSocket(request: URLRequest(url: url))
            socket.onEvent = { event in
                if case .text(let text) = event { print(text) }
            }
            socket.connect()
            return socket
        }
        return connect(url)
    }

    static func comment(_ url: URL) {
        var request = URLRequest(url: url)
        request.timeoutInterval = 5
        let socket = WebSocket(request: request)
        socket.onEvent = { event in
            if case .text(let text) = event { print(text) }
        }
        socket.connect()
    }

    static func reconnecting(_ socket: WebSocket) {
        socket.options.reconnects = .persistent
    }

    final class Feed: WebSocketDelegate {
        private let socket: WebSocket

        init(url: URL) {
            var request = URLRequest(url: url)
            request.timeoutInterval = 5
            request.setValue("Bearer 42", forHTTPHeaderField: "Authorization")
            socket = WebSocket(request: request)
            socket.delegate = self
        }

        func start() {
            socket.connect()
        }

        func didReceive(event: WebSocketEvent, client: any WebSocketClient) {
            switch event {
            case .connected: client.write(string: "subscribe")
            case .text(let text): print(text)
            case .disconnected(let reason, let code): print("closed: \(code) \(reason)")
            case .error(let error): print("failed: \(error as Any)")
            default: break
            }
        }
    }
}
