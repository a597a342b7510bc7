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
