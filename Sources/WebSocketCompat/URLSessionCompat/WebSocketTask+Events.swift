internal import Synchronization
internal import Foundation
internal import HTTPTypes
internal import LibWebSockets
internal import WebSocketCompat
internal import WebSocketService

#if canImport(FoundationNetworking)
    internal import FoundationNetworking
#endif

extension WebSocketTask {
    /// They keep the task, as its session does: both let go at its end.
    var handlers: ShapeSocket.Handlers {
        ShapeSocket.Handlers(
            opened: { socket, _ in self.opened(socket) },
            message: { message in
                self.fields.withLock { $0.countOfBytesReceived += Int64(message.payload.count) }
                await self.inbox.put(message.text.map(Message.string) ?? .data(Data(message.payload)))
            },
            ended: { end in self.ended(end) },
            failed: { error in self.fields.withLock { $0.failure = error } },
            finished: { self.finished() })
    }

    private func opened(_ socket: LibWebSockets.WebSocket) {
        let response = (originalRequest?.url).flatMap { url in
            HTTPURLResponse(
                url: url, statusCode: socket.handshake.status.code, httpVersion: "HTTP/1.1",
                headerFields: Dictionary(
                    socket.handshake.headers.map { ($0.name.rawName, $0.value) }, uniquingKeysWith: { "\($0), \($1)" }))
        }
        let pings = fields.withLock { fields in
            fields.isOpen = true
            fields.failure = nil
            fields.response = response
            if fields.cancellation == nil { (fields.closeCode, fields.closeReason) = (.invalid, nil) }
            defer { fields.pings = [] }
            return fields.pings
        }
        for ping in pings { send(ping, over: socket) }
        tell { $0.urlSession($1, webSocketTask: $2, didOpenWithProtocol: socket.handshake.subprotocol) }
    }

    private func ended(_ end: ConnectionEnd) {
        let isClosed = fields.withLock { fields in
            fields.isOpen = false
            switch end {
            case .failed(.closed(let closure)):
                guard fields.cancellation == nil else { return fields.closeCode != .invalid }
                fields.closeCode = CloseCode(closure.code.rawValue)
                fields.closeReason = Data(closure.reason.utf8)
                return true
            case .failed(.lost(let error)):
                fields.failure = error
                return false
            case .failed(let failure):
                fields.failure = failure
                return false
            case .closed:
                return fields.closeCode != .invalid
            }
        }
        guard isClosed else { return }
        let (code, reason) = (closeCode, closeReason)
        tell { $0.urlSession($1, webSocketTask: $2, didCloseWith: code, reason: reason) }
    }

    private func finished() {
        let error = fields.withLock { fields -> (any Error)? in
            switch fields.cancellation {
            case .atOnce: URLError(.cancelled)
            case .withCode where fields.response == nil: URLError(.cancelled)
            case .withCode: nil
            case nil: fields.failure.map { URLError($0, url: originalRequest?.url) }
            }
        }
        complete(error)
    }

    /// The end: everybody who waits is told, once, and nothing is kept.
    func complete(_ error: (any Error)?) {
        let ended = fields.withLock { fields -> Fields? in
            guard fields.state != .completed else { return nil }
            defer {
                fields.state = .completed
                fields.error = error
                fields.isOpen = false
                fields.socket = nil
                fields.session = nil
                fields.pings = []
            }
            return fields
        }
        guard let ended else { return }
        let reason = error ?? URLError(.networkConnectionLost)
        pump.end(reason)
        inbox.end(reason, discarding: ended.cancellation != nil)
        for ping in ended.pings { ping(reason) }
        guard let session = ended.session else { return }
        if let delegate = ended.delegate ?? session.delegate {
            delegateQueue.addOperation { delegate.urlSession(session, task: self, didCompleteWithError: error) }
        }
        session.ended(self)
    }

    private func tell(
        _ call: @escaping @Sendable (any WebSocketSessionDelegate, WebSocketSession, WebSocketTask) -> Void
    ) {
        let (session, own) = fields.withLock { ($0.session, $0.delegate) }
        guard let session, let delegate = own ?? session.delegate else { return }
        delegateQueue.addOperation { call(delegate, session, self) }
    }
}
