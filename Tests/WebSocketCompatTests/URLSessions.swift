import TestSupport
import Foundation
import URLSessionCompat
import WebSocketTesting

/// Notes what a delegate is told.
final class SessionDelegate: WebSocketSessionDelegate {
    let record = Collector<String>()

    func urlSession(_ session: WebSocketSession, webSocketTask: WebSocketTask, didOpenWithProtocol protocol: String?) {
        record.add("open \(`protocol` ?? "-")")
    }

    func urlSession(
        _ session: WebSocketSession, webSocketTask: WebSocketTask, didCloseWith closeCode: WebSocketTask.CloseCode,
        reason: Data?
    ) {
        record.add("close \(closeCode.rawValue) \(String(decoding: reason ?? Data(), as: UTF8.self))")
    }

    func urlSession(_ session: WebSocketSession, task: WebSocketTask, didCompleteWithError error: (any Error)?) {
        record.add("complete \((error as? URLError).map { "\($0.code.rawValue)" } ?? "-")")
    }

    func urlSession(_ session: WebSocketSession, didBecomeInvalidWithError error: (any Error)?) {
        record.add("invalid")
    }
}

extension TestServer {
    /// A session that trusts the server.
    func session(reconnects: Bool = false, _ delegate: SessionDelegate? = nil) -> WebSocketSession {
        let configuration = WebSocketSessionConfiguration.default
        configuration.options = reconnects ? reconnectingOptions : options
        return WebSocketSession(configuration: configuration, delegate: delegate, delegateQueue: nil)
    }
}

extension Error {
    var urlErrorCode: URLError.Code? { (self as? URLError)?.code }
}
