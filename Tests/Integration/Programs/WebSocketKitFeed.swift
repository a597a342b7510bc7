import Foundation

#if ORIGINAL
    import NIOCore
    import NIOPosix
    import NIOSSL
    import WebSocketKit
#else
    import WebSocketKitCompat
#endif

/// A program for websocket-kit: subscribes whenever the connection is open, and hands on what it receives.
///
/// Below the imports nothing knows whose types these are. websocket-kit is no package that this one could depend on; the guide
/// says with which version it was compiled, too.
struct WebSocketKitFeed: Sendable {
    let url: String
    let received: @Sendable (String) -> Void

    static func configuration(authorities: String) -> WebSocketClient.Configuration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .file(authorities)
        var configuration = WebSocketClient.Configuration(tlsConfiguration: tls, maxFrameSize: 1 << 16)
        configuration.maxAccumulatedFrameSize = 1 << 20
        return configuration
    }

    func run(configuration: WebSocketClient.Configuration, on group: any EventLoopGroup) async throws {
        let headers: HTTPHeaders = ["Authorization": "Bearer 42"]
        try await WebSocket.connect(to: url, headers: headers, configuration: configuration, on: group) { socket in
            socket.pingInterval = .seconds(10)
            socket.onText { socket, text in
                received(text)
                if text == "stop" { try? await socket.close(code: .goingAway) }
            }
            socket.onBinary { _, buffer async in received("\(buffer.readableBytes) bytes") }
            socket.onPong { _, _ async in received("pong") }
            socket.onClose.whenComplete { _ in received("closed") }
            received("open")
            do {
                try await socket.send("subscribe")
                try await socket.send([1, 2, 3])
            } catch {
                received("failed: \(error)")
            }
        }
    }

    /// In the style of futures.
    func connect(configuration: WebSocketClient.Configuration, on group: any EventLoopGroup) -> EventLoopFuture<Void> {
        WebSocket.connect(to: url, configuration: configuration, on: group) { socket in
            socket.onText { socket, text in
                received(text)
                let promise = socket.eventLoop.makePromise(of: Void.self)
                promise.futureResult.whenSuccess { received("closing") }
                socket.close(code: .normalClosure, promise: promise)
            }
            socket.send("subscribe")
        }
    }
}
