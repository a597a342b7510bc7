import BrowserCompat

@MainActor enum BrowserCompatExamples {
    static func connect() throws -> BrowserWebSocket {
        @MainActor func connect() throws -> BrowserWebSocket {
            let socket = try BrowserWebSocket("wss://feed.example.com/stream", ["v2.feed"])
            socket.onopen = { [unowned socket] _ in try? socket.send("subscribe") }
            socket.onmessage = { event in print(event.data) }
            socket.onclose = { event in print(event.code, event.reason, event.wasClean) }
            return socket
        }
        return try connect()
    }

    static func comment() throws {
        let socket = try BrowserWebSocket("wss://feed.example.com/stream", ["v2.feed"])
        socket.onopen = { _ in try? socket.send("hello") }
        socket.onmessage = { event in print(event.data) }
        socket.onclose = { event in print(event.code, event.reason) }
    }

    static func reconnecting() throws {
        var options = WebSocketCompatOptions()
        options.reconnects = .persistent
        let socket = try BrowserWebSocket("wss://feed.example.com/stream", options: options)
        _ = socket
    }
}
