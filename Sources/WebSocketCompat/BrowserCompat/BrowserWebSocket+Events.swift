internal import Foundation
internal import LibWebSockets
internal import WebSocketCompat
internal import WebSocketService

extension BrowserWebSocket {
    /// Returns the handlers of the connection's events; each event is a task of the main actor's, and the next one waits
    /// for it.
    nonisolated func handlers(demandsSubprotocol: Bool) -> ShapeSocket.Handlers {
        ShapeSocket.Handlers(
            opened: { [weak self] socket, _ in await self?.opened(socket, demandsSubprotocol: demandsSubprotocol) },
            message: { [weak self] message in await self?.received(message) },
            ended: { [weak self] end in await self?.ended(end) },
            failed: { [weak self] _ in await self?.failed() },
            finished: { [weak self] in await self?.finished() })
    }

    private func opened(_ socket: LibWebSockets.WebSocket, demandsSubprotocol: Bool) {
        // The standard fails a connection whose server has chosen none of those that were offered.
        if demandsSubprotocol, socket.handshake.subprotocol == nil {
            // Told of like an attempt that failed.
            isRetrying = false
            self.socket?.abort()
            return
        }
        guard readyState == .CONNECTING else { return }
        wasOpen = true
        isRetrying = false
        readyState = .OPEN
        extensions = socket.handshake.extensions.map(\.description).joined(separator: ", ")
        self.protocol = socket.handshake.subprotocol ?? ""
        onopen?(BrowserEvent(type: "open"))
    }

    private func received(_ message: WebSocketMessage) {
        guard readyState == .OPEN else { return }
        let data: BrowserMessageEvent.Payload
        if let text = message.text {
            data = .text(text)
        } else {
            switch binaryType {
            case .blob: data = .blob(Data(message.payload))
            case .arraybuffer: data = .arraybuffer(Array(message.payload))
            }
        }
        onmessage?(BrowserMessageEvent(data: data, origin: origin))
    }

    private func ended(_ end: ConnectionEnd) {
        guard wasOpen else { return }
        wasOpen = false
        let closure = end.closure
        let isClean = closure.map { $0.sent != nil && $0.received != nil } ?? false
        // Failing a connection is an error; being closed, with whatever code, is none.
        close(
            BrowserCloseEvent(
                wasClean: isClean, code: closure?.code.rawValue ?? 1006, reason: closure?.reason ?? ""),
            isError: closure?.received == nil)
    }

    private func failed() {
        // With reconnects, a failed attempt is told as a connection that could not be opened.
        close(Self.abnormal, isError: true)
    }

    private func finished() {
        let isTold = readyState == .CLOSED || readyState == .CONNECTING && isRetrying
        if !isTold { close(Self.abnormal, isError: true) }
        readyState = .CLOSED
        end()
    }

    private static let abnormal = BrowserCloseEvent(wasClean: false, code: 1006, reason: "")

    private func close(_ event: BrowserCloseEvent, isError: Bool) {
        guard readyState != .CLOSED else { return }
        readyState = .CLOSED
        if isError { onerror?(BrowserEvent(type: "error")) }
        onclose?(event)
        // The next connection is made already, or waited for.
        guard reconnects, !isEnding else { return }
        readyState = .CONNECTING
        isRetrying = true
        // Handlers may have been set while it was closed.
        keepWhileHeard()
    }
}
