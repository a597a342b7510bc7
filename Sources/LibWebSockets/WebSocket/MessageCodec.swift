#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif
public import WebSocketProtocol

/// Turns values into messages and messages into values.
///
/// Runs in the task that calls `send`, `receive` or `request`, with its task-local values; for the handlers of a service in
/// the service's.
public protocol MessageCodec: Sendable {
    /// The message that stands for a value.
    ///
    /// - Throws: An error when the value cannot be encoded. The calls that encode, such as `send`, throw the same.
    func encode(_ value: some Encodable) throws -> WebSocketMessage
    /// The value that a message stands for.
    ///
    /// - Throws: An error when the message is not one of that type. `receive` throws the same, and a service reports it.
    func decode<Value: Decodable>(_ type: Value.Type, from message: WebSocketMessage) throws -> Value
}

/// JSON, in text messages, by Foundation's coders. Decodes text and binary messages alike.
public struct JSONMessageCodec: MessageCodec {
    private let encoder: JSONEncoder
    private let decoder: JSONDecoder

    /// Creates a codec with these coders.
    ///
    /// - Parameters:
    ///   - encoder: Not to be changed afterwards.
    ///   - decoder: Not to be changed afterwards.
    public init(encoder: JSONEncoder = JSONEncoder(), decoder: JSONDecoder = JSONDecoder()) {
        self.encoder = encoder
        self.decoder = decoder
    }

    public func encode(_ value: some Encodable) throws -> WebSocketMessage {
        // JSONEncoder's output is UTF-8.
        WebSocketMessage(kind: .text, validatedPayload: ArraySlice(try encoder.encode(value)))
    }

    public func decode<Value: Decodable>(_ type: Value.Type, from message: WebSocketMessage) throws -> Value {
        try decoder.decode(type, from: Data(message.payload))
    }
}

extension MessageCodec where Self == JSONMessageCodec {
    /// JSON by Foundation's coders in their default configuration.
    public static var json: JSONMessageCodec { .standard }
}

extension JSONMessageCodec {
    fileprivate static let standard = JSONMessageCodec()
}

extension WebSocket {
    /// Sends a value as JSON, in a text message; as ``send(_:)-(String)``.
    ///
    /// ```swift
    /// try await socket.send(json: Subscribe(topic: "mapData"))
    /// let answer = try await socket.receive(json: Answer.self)
    /// ```
    ///
    /// - Parameters:
    ///   - value: The value to send.
    ///   - codec: Encodes it; Foundation's coder in its default configuration unless said otherwise.
    /// - Throws: The codec's error, before anything is sent; else as ``send(_:)-(String)``.
    public func send(json value: some Encodable, codec: JSONMessageCodec = .json) async throws {
        try await send(codec.encode(value))
    }

    /// The next message, decoded from JSON; `nil` at the end. As ``receive()``.
    ///
    /// In a loop over ``messages``, the codec decodes each: `try codec.decode(Answer.self, from: message)`.
    ///
    /// - Parameters:
    ///   - type: The type to decode the message as.
    ///   - codec: Decodes it; Foundation's coder in its default configuration unless said otherwise.
    /// - Throws: The codec's error for a message that is not one of that type: such a message is taken, and the connection
    ///   stays as it is. Else as ``receive()``.
    public func receive<Value: Decodable>(json type: Value.Type, codec: JSONMessageCodec = .json) async throws -> Value?
    {
        try await receive().map { try codec.decode(type, from: $0) }
    }
}
