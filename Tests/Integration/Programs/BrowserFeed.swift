import BrowserCompat

/// A program for the browser's WebSocket, as a page has it. In JavaScript:
///
/// ```js
/// const socket = new WebSocket(url, ["feed"]);
/// socket.onopen = () => { received(`open ${socket.protocol}`); socket.send("subscribe"); };
/// socket.onmessage = (event) => received(event.data);
/// socket.onerror = () => received("failed");
/// socket.onclose = (event) => received(`closed with ${event.code}`);
/// ```
@MainActor func browserFeed(
    _ url: String, options: WebSocketCompatOptions, received: @escaping (String) -> Void
) throws -> BrowserWebSocket {
    let socket = try BrowserWebSocket(url, ["feed"], options: options)
    socket.onopen = { [unowned socket] _ in
        received("open \(socket.protocol)")
        try? socket.send("subscribe")
    }
    socket.onmessage = { event in received(event.data.text ?? "bytes") }
    socket.onerror = { _ in received("failed") }
    socket.onclose = { event in received("closed with \(event.code)") }
    return socket
}
