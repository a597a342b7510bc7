/// An object that is told of a socket's events, on its ``WebSocket/callbackQueue``.
public protocol WebSocketDelegate: AnyObject {
    /// Takes one event. The next one comes when this has returned.
    func didReceive(event: WebSocketEvent, client: any WebSocketClient)
}
