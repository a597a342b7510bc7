#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// Turns values into messages and messages into values: in the task that calls `send` or `request`, with its task-local values, and
/// for handlers in the service's.
public protocol MessageCodec: Sendable {
    /// The message that stands for a value.
    ///
    /// - Throws: When the value cannot be encoded; `send` and `request` throw the same.
    func encode(_ value: some Encodable) throws -> WebSocketMessage
    /// The value that a message stands for.
    ///
    /// - Throws: When the message is not one of that type; the service reports it.
    func decode<Value: Decodable>(_ type: Value.Type, from message: WebSocketMessage) throws -> Value
}

/// JSON, in text messages, by Foundation's coders. Decodes text and binary messages alike.
public struct JSONMessageCodec: MessageCodec {
    private let encoder: JSONEncoder
    private let decoder: JSONDecoder

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
    public static var json: JSONMessageCodec { JSONMessageCodec() }
}
