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
