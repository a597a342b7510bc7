import TestSupport
import Foundation
import LibWebSockets
import StarscreamCompat
import Testing
import WebSocketTesting

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// An event as a test compares it.
func word(_ event: WebSocketEvent) -> String {
    switch event {
    case .connected: "connected"
    case .disconnected(let reason, let code): "disconnected \(code) \(reason)"
    case .text(let text): "text \(text)"
    case .binary(let data): "binary \(data.count)"
    case .pong(let data): "pong \(String(decoding: data ?? Data(), as: UTF8.self))"
    case .ping(let data): "ping \(String(decoding: data ?? Data(), as: UTF8.self))"
    case .error(let error):
        switch error {
        case HTTPUpgradeError.notAnUpgrade(let status, _)?: "error \(status)"
        case let error as WebSocketError: "error \(error.code)"
        case let error as WSError: "error \(error.type) \(error.code)"
        default: "error"
        }
    case .viabilityChanged(let isViable): "viable \(isViable)"
    case .reconnectSuggested: "reconnectSuggested"
    case .cancelled: "cancelled"
    case .peerClosed: "peerClosed"
    }
}

func makeSocket(
    _ server: TestServer, path: String = "", reconnects: Bool = false, _ record: Collector<String>,
    _ change: (inout URLRequest) -> Void = { _ in }
) -> StarscreamCompat.WebSocket {
    var request = URLRequest(url: server.address.appending(path: path))
    // For a machine that is busy with other tests.
    request.timeoutInterval = 60
    change(&request)
    let socket = StarscreamCompat.WebSocket(request: request)
    socket.options = reconnects ? server.reconnectingOptions : server.options
    socket.callbackQueue = DispatchQueue(label: "test")
    socket.onEvent = { record.add(word($0)) }
    return socket
}

func makeSocket(_ server: FaultServer, _ record: Collector<String>) throws -> StarscreamCompat.WebSocket {
    let socket = StarscreamCompat.WebSocket(request: URLRequest(url: try #require(URL(string: server.url()))))
    socket.callbackQueue = DispatchQueue(label: "test")
    socket.onEvent = { record.add(word($0)) }
    return socket
}
