import Foundation

#if ORIGINAL
    #if canImport(FoundationNetworking)
        import FoundationNetworking
    #endif
#else
    import URLSessionCompat
#endif

/// A program for URLSessionWebSocketTask: subscribes whenever the connection is open, and hands on what it receives.
///
/// Below the imports nothing knows whose types these are; it is compiled with Foundation's own, too (`OriginalPrograms`).
final class URLSessionFeed: NSObject, URLSessionWebSocketDelegate, @unchecked Sendable {
    private let received: @Sendable (String) -> Void
    private var task: URLSessionWebSocketTask?

    init(received: @escaping @Sendable (String) -> Void) {
        self.received = received
    }

    func start(url: URL, configuration: URLSessionConfiguration) {
        let session = URLSession(configuration: configuration, delegate: self, delegateQueue: OperationQueue())
        var request = URLRequest(url: url)
        request.timeoutInterval = 10
        request.setValue("Bearer 42", forHTTPHeaderField: "Authorization")
        let task = session.webSocketTask(with: request)
        task.maximumMessageSize = 64 * 1024
        self.task = task
        receive()
        task.resume()
    }

    func stop() {
        task?.cancel(with: .goingAway, reason: Data("bye".utf8))
    }

    func ping() async throws {
        try await task?.sendPing()
    }

    private func receive() {
        task?.receive { [weak self] result in
            switch result {
            case .success(let message):
                switch message {
                case .string(let text): self?.received(text)
                case .data(let data): self?.received("\(data.count) bytes")
                @unknown default: break
                }
                self?.receive()
            case .failure(let error):
                self?.received("failed: \(error.localizedDescription)")
            }
        }
    }

    // MARK: URLSessionWebSocketDelegate

    func urlSession(
        _ session: URLSession, webSocketTask: URLSessionWebSocketTask, didOpenWithProtocol protocol: String?
    ) {
        received("open")
        webSocketTask.send(.string("subscribe")) { error in
            if let error { print("cannot subscribe: \(error)") }
        }
    }

    func urlSession(
        _ session: URLSession, webSocketTask: URLSessionWebSocketTask,
        didCloseWith closeCode: URLSessionWebSocketTask.CloseCode, reason: Data?
    ) {
        received("closed with \(closeCode.rawValue)")
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        received("complete")
        session.finishTasksAndInvalidate()
    }
}
