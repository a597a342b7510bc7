internal import Synchronization
public import HTTPTypes
public import WebSocketService

/// A transport without a network: a test decides how each attempt to connect ends, and plays the peer of each
/// connection.
///
/// ```swift
/// let transport = ScriptedTransport([.refuse(.serviceUnavailable), .open()])
/// let service = SocketService("wss://feed.example.com", transport: transport)
/// service.register("mapData") { [weak service] _ in try await service?.send("got it") }
/// try await service.start()
/// let peer = try await transport.nextConnection()
/// peer.deliver(#"{"socketType":"mapData"}"#)
/// #expect(try await peer.nextSent().text == "got it")
/// peer.abort()
/// ```
public final class ScriptedTransport: SocketTransport {
    /// The end of an attempt to connect.
    public struct Outcome: Sendable {
        enum Kind {
            case open(HandshakeResponse)
            case fail(any Error)
            case hang
        }

        let kind: Kind

        /// The connection opens.
        public static func open(headers: HTTPFields = [:], subprotocol: String? = nil) -> Outcome {
            Outcome(kind: .open(HandshakeResponse(headers: headers, subprotocol: subprotocol)))
        }

        /// The attempt fails.
        public static func fail(_ error: any Error) -> Outcome {
            Outcome(kind: .fail(error))
        }

        /// Nobody listens at the server's address.
        public static let connectionRefused = Outcome.fail(
            WebSocketError(.connectFailed, stage: .connect, message: "the scripted server refused the connection"))

        /// The server answers the opening handshake with another status than 101.
        public static func refuse(
            _ status: HTTPResponse.Status, headers: HTTPFields = [:], body: [UInt8] = [], retryAfter: Duration? = nil
        ) -> Outcome {
            .fail(
                WebSocketError(
                    .upgradeRefused, stage: .upgrade, message: "the scripted server answered with \(status)",
                    refusal: UpgradeRefusal(status: status, headers: headers, body: body, retryAfter: retryAfter)))
        }

        /// The TLS handshake fails.
        public static func failTLS(_ reason: TLSFailure.Reason) -> Outcome {
            .fail(
                WebSocketError(
                    .tlsFailed, stage: .tls, message: "the scripted TLS handshake failed: \(reason)",
                    tlsFailure: TLSFailure(reason: reason, depth: 0)))
        }

        /// Nothing happens until the attempt is cancelled.
        public static let hang = Outcome(kind: .hang)
    }

    private struct Script {
        var outcomes: ArraySlice<Outcome>
        var afterwards: Outcome
    }

    private let script: Lock<Script>
    private let requestFeed = ScriptedTransportFeed<ConnectRequest>()
    private let connectionFeed = ScriptedTransportFeed<ScriptedConnection>()

    /// A transport whose attempts end like this.
    ///
    /// - Parameters:
    ///   - outcomes: The ends of the first attempts, in order.
    ///   - afterwards: The end of all others.
    public init(_ outcomes: [Outcome] = [], afterwards: Outcome = .open()) {
        script = Lock(Script(outcomes: outcomes[...], afterwards: afterwards))
    }

    /// Scripts the attempts that follow those scripted so far.
    public func append(_ outcomes: Outcome...) {
        script.withLock { $0.outcomes += outcomes }
    }

    /// Every attempt so far.
    public var requests: [ConnectRequest] { requestFeed.all }

    /// Every connection that was opened so far.
    public var connections: [ScriptedConnection] { connectionFeed.all }

    /// The next attempt, in order, each once.
    ///
    /// - Parameter limit: The longest wait, in real time; as ``WaitTimedOut`` says by default.
    /// - Throws: ``WaitTimedOut``; `CancellationError` when the waiting task is cancelled.
    public func nextRequest(within limit: Duration? = nil) async throws -> ConnectRequest {
        try await requestFeed.next(within: limit) { number in
            "for attempt \(number) to connect; there were \(WaitTimedOut.list(self.requests.map(\.url)))"
        }
    }

    /// The peer's side of the next connection that opens, in order, each once.
    ///
    /// - Parameter limit: The longest wait, in real time; as ``WaitTimedOut`` says by default.
    /// - Throws: ``WaitTimedOut``; `CancellationError` when the waiting task is cancelled.
    public func nextConnection(within limit: Duration? = nil) async throws -> ScriptedConnection {
        try await connectionFeed.next(within: limit) { number in
            """
            for connection \(number) to open; attempts to connect that were made are \
            \(WaitTimedOut.list(self.requests.map(\.url)))
            """
        }
    }

    public func validate(_ request: ConnectRequest) throws {
        guard request.url.hasPrefix("ws://") || request.url.hasPrefix("wss://") else {
            throw WebSocketError(
                .invalidConfiguration, stage: .configuration,
                message: "the URL \"\(request.url)\" begins neither with ws:// nor with wss://")
        }
    }

    public func connect(to request: ConnectRequest) async throws -> any SocketConnection {
        let outcome = script.withLock { $0.outcomes.popFirst() ?? $0.afterwards }
        requestFeed.append(request)
        switch outcome.kind {
        case .open(let handshake):
            let client = ScriptedClient(handshake: handshake)
            connectionFeed.append(ScriptedConnection(request: request, client: client))
            return client
        case .fail(let error):
            throw error
        case .hang:
            // Only the cancellation of the attempt completes this.
            try await Completion<Void>().value()
            throw CancellationError()
        }
    }
}
