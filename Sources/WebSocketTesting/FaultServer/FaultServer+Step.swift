extension FaultServer {
    /// One thing that a ``FaultServer`` does on a connection.
    public enum Step: Sendable {
        /// Reads the request's head, up to and with the empty line.
        case readRequest
        /// Answers the opening handshake; reads the request first when no step has done that.
        case upgrade(UpgradeResponse = UpgradeResponse())
        /// Reads so many further bytes; 0 or less reads none.
        case read(Int)
        /// Reads so many further frames; 0 or less reads none.
        case readFrames(Int)
        /// Reads until the client has sent a close frame.
        case readClose
        /// Reads until the client closes the connection.
        case readUntilEnd
        /// Writes the bytes as they are.
        case write([UInt8])
        /// Writes the bytes in pieces of `chunk` bytes, at least 1, each in a TCP segment of its own, with a pause after each.
        case writeSlowly([UInt8], chunk: Int, pause: Duration = .zero)
        /// Writes the bytes `count` times, for 0 or less not at all, or without end.
        ///
        /// - Parameter reading: Reads the client's answers meanwhile. Without, a client that stops reading because it
        ///   cannot write brings the flood to a halt.
        case flood([UInt8], count: Int? = nil, reading: Bool = true)
        /// Does nothing, for that long: from zero to a century.
        case pause(Duration)
        /// Neither reads nor writes until the client closes the connection or the server is stopped.
        case stall
        /// Sends TLS's `close_notify` (RFC 8446 section 6.1); without TLS nothing.
        case closeNotify
        /// Sends a FIN: the client sees the end of the stream, under TLS without the `close_notify` that should precede.
        case shutDownWriting
        /// Closes with a TCP reset, and ends the script.
        case reset

        /// Writes frames as they are, in one piece.
        public static func write(_ frames: Frame...) -> Step {
            .write(frames.flatMap(\.bytes))
        }

        /// Writes text as it is: a broken response, for example.
        public static func write(_ text: String) -> Step {
            .write(Array(text.utf8))
        }

        /// Refuses the opening handshake with a complete HTTP response; reads no request by itself.
        ///
        /// - Parameters:
        ///   - status: The status code, any number.
        ///   - reason: The reason phrase.
        ///   - headers: Written in this order, before the `Content-Length` that is always there.
        ///   - body: The body.
        public static func respond(
            status: Int,
            reason: String = "",
            headers: [(name: String, value: String)] = [],
            body: String = ""
        ) -> Step {
            let lines = headers + [("Content-Length", "\(body.utf8.count)")]
            return .write(
                "HTTP/1.1 \(status) \(reason)\r\n" + lines.map { "\($0.name): \($0.value)\r\n" }.joined() + "\r\n"
                    + body
            )
        }
    }

    /// A response to the opening handshake, right unless you change it (RFC 6455 section 4.2.2).
    public struct UpgradeResponse: Sendable {
        /// The value to send as `Sec-WebSocket-Accept`.
        public enum Accept: Sendable {
            /// The value that follows from the request's `Sec-WebSocket-Key`.
            case correct
            /// This value.
            case value(String)
            /// No such header.
            case omitted
        }

        /// The first line, without its end.
        public var statusLine: String
        /// The `Upgrade` header; `nil` leaves it out, as with ``connection``.
        public var upgrade: String?
        /// The `Connection` header.
        public var connection: String?
        /// The `Sec-WebSocket-Accept` header.
        public var accept: Accept
        /// Further headers, in this order. Names and values are written as they are.
        public var headers: [(name: String, value: String)]
        /// Bytes that follow the response in the same write, such as the first frames.
        public var trailing: [UInt8]

        /// A response that is right unless told otherwise.
        public init(
            statusLine: String = "HTTP/1.1 101 Switching Protocols",
            upgrade: String? = "websocket",
            connection: String? = "Upgrade",
            accept: Accept = .correct,
            headers: [(name: String, value: String)] = [],
            trailing: [UInt8] = []
        ) {
            self.statusLine = statusLine
            self.upgrade = upgrade
            self.connection = connection
            self.accept = accept
            self.headers = headers
            self.trailing = trailing
        }

        /// - Parameter key: The request's `Sec-WebSocket-Key`, empty when it had none.
        func bytes(key: String) -> [UInt8] {
            let accept: String? =
                switch self.accept {
                case .correct: FaultServerAcceptKey.acceptValue(for: key)
                case .value(let value): value
                case .omitted: nil
                }
            let known: [(name: String, value: String?)] = [
                ("Upgrade", upgrade), ("Connection", connection), ("Sec-WebSocket-Accept", accept),
            ]
            let lines = known.compactMap { line in line.value.map { (name: line.name, value: $0) } } + headers
            let head = statusLine + "\r\n" + lines.map { "\($0.name): \($0.value)\r\n" }.joined() + "\r\n"
            return Array(head.utf8) + trailing
        }
    }
}
