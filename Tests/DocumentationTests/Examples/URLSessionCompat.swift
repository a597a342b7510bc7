import Foundation
import URLSessionCompat

enum URLSessionCompatExamples {
    static func greet(_ url: URL) async throws {
        func greet(_ url: URL) async throws {
            let task = URLSession.shared.webSocketTask(with: url)
            task.resume()
            try await task.send(.string("hello"))
            if case .string(let answer) = try await task.receive() { print(answer) }
            task.cancel(with: .normalClosure, reason: nil)
        }
        try await greet(url)
    }

    static func task(_ url: URL) async throws {
        let task = WebSocketSession.shared.webSocketTask(with: url)
        task.resume()
        try await task.send(.string("hello"))
        let message = try await task.receive()
        task.cancel(with: .normalClosure, reason: nil)
        _ = message
    }

    static func reconnecting() {
        let configuration = URLSessionConfiguration.default
        configuration.options.reconnects = .persistent
        configuration.options.connection.tls.trustRoots = .pemFile("/etc/example/ca.pem")
    }

    static func options(configuration: WebSocketSessionConfiguration) {
        configuration.options.connection.tls.trustRoots = .pemFile("/etc/example/ca.pem")
        configuration.options.reconnects = .persistent
    }

    final class Feed: NSObject, URLSessionWebSocketDelegate, @unchecked Sendable {
        private var task: URLSessionWebSocketTask?

        func start(_ url: URL) {
            let session = URLSession(configuration: .default, delegate: self, delegateQueue: nil)
            task = session.webSocketTask(with: url)
            task?.resume()
            receive()
        }

        private func receive() {
            task?.receive { [weak self] result in
                guard case .success(let message) = result else { return }
                if case .string(let text) = message { print(text) }
                self?.receive()
            }
        }

        func urlSession(
            _ session: URLSession, webSocketTask: URLSessionWebSocketTask, didOpenWithProtocol protocol: String?
        ) {
            webSocketTask.send(.string("subscribe")) { error in
                if let error { print(error) }
            }
        }
    }
}
