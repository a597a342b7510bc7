#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif
public import WebSocketProtocol

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
