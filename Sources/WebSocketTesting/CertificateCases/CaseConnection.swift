internal import LibWebSockets

extension CertificateCase {
    /// A record of what a client did on one connection to a case's server.
    public struct Connection: Hashable, Sendable, Codable {
        /// The point that the TLS handshake came to.
        public enum Handshake: String, Hashable, Sendable, Codable {
            /// The end of it: the client has accepted the certificate.
            case completed
            /// An alert of the client's, ``Connection/alert``.
            case alert
            /// An alert of the server's: it has refused the client, for a version, a name or a certificate.
            case refused
            /// The end of the connection, without an alert.
            case closed
            /// The end of the server, or of its patience.
            case unfinished
            /// No beginning: the server speaks no TLS.
            case none
        }

        /// The number of this connection among the case's ``CertificateCase/connections``, from 0.
        public var attempt = 0
        /// The point that the TLS handshake came to.
        public var handshake = Handshake.none
        /// The client's alert by its name in RFC 8446 section 6, such as `certificate_expired`.
        public var alert: String?
        /// The name that the client asked for (SNI).
        public var serverName: String?
        /// The client offered application protocols (ALPN).
        public var offersProtocols = false
        /// The client asked for a stapled OCSP response.
        public var asksForStapledResponse = false
        /// The client has sent something over TLS: a request, say.
        public var hasSentData = false
        /// The client's request was one for a WebSocket.
        public var asksForWebSocket = false
        /// The time for which the connection was open, in milliseconds.
        public var milliseconds = 0

        package init() {}
    }
}

extension CertificateCase.Connection: CustomStringConvertible {
    /// A few words on what the client did: `accepted`, `alert certificate_expired after 3 ms`.
    public var description: String {
        let what =
            switch handshake {
            case .completed: hasSentData ? "accepted" : "accepted, and sent nothing"
            case .alert: "alert \(alert ?? "unknown")"
            case .refused: "refused by the server"
            case .closed: "closed without an alert"
            case .unfinished: "left the handshake unfinished"
            case .none: "ended"
            }
        return "\(what) after \(milliseconds) ms"
    }
}

/// One connection to the server of a case. Belongs to one thread.
final class CaseConnection {
    /// The time for which a client may do nothing.
    private static let patience = Duration.seconds(60)
    /// The time that a client may take to close its side once the server has closed its own.
    private static let closingPatience = Duration.seconds(5)
    private static let requestLimit = 64 << 10
    private static let messageLimit = 1 << 20

    private let stream: FaultServerStream
    private let script: CaseScript
    /// The number of the connection to its server, counted from 0.
    private let index: Int
    private var seen = CertificateCase.Connection()
    private var received: [UInt8] = []
    private var hello: CaseClientHello?

    init(stream: FaultServerStream, script: CaseScript, index: Int) {
        (self.stream, self.script, self.index) = (stream, script, index)
    }

    /// Serves the client and tells what it did.
    func run() -> CertificateCase.Connection {
        let begin = ContinuousClock.now
        do {
            switch script.act {
            case .serve(let contexts, let behavior):
                if try shakeHands(contexts[index % contexts.count], behavior) { try converse(cutOff: false) }
            case .cutOff(let context):
                if try shakeHands(context, CaseClientHello.Behavior()) { try converse(cutOff: true) }
            case .stall: try stream.waitForPeerToClose()
            case .resetAfterHello:
                _ = try readMore()
                stream.reset()
            case .plainHTTP:
                if try readMore() {
                    try write(Self.plainAnswer)
                    try closeInGoodOrder()
                }
            }
        } catch {
            // The client's end is what the case is about. Bytes that it had sent when the server was stopped count.
            if seen.handshake == .completed { noteWhatIsThere() }
        }
        stream.end()
        seen.milliseconds = Int((ContinuousClock.now - begin) / .milliseconds(1))
        return seen
    }

    // MARK: - TLS

    private func shakeHands(
        _ context: FaultServerTLSContext, _ behavior: CaseClientHello.Behavior
    ) throws(FaultServerStreamError) -> Bool {
        // OpenSSL's callbacks reach it for as long as the `SSL*` lives.
        let hello = CaseClientHello(behavior)
        self.hello = hello
        defer {
            seen.serverName = hello.serverName
            seen.offersProtocols = hello.offersProtocols
            seen.asksForStapledResponse = hello.asksForStapledResponse
        }
        seen.handshake = .unfinished
        do throws(FaultServerStreamError) {
            try stream.startTLS(context, within: Self.patience) { hello.bind(to: $0) }
            seen.handshake = .completed
            return true
        } catch {
            switch error {
            case .stopped: throw error
            case .peerClosed, .peerReset: seen.handshake = .closed
            case .tls:
                if let alert = stream.receivedAlert {
                    seen.handshake = .alert
                    seen.alert = TLSAlert.name(alert)
                } else {
                    seen.handshake = stream.hasReachedEnd ? .closed : .refused
                }
                closeAfterFailure()
            }
            return false
        }
    }

    /// OpenSSL has sent its alert, which a reset would overtake.
    private func closeAfterFailure() {
        stream.dropTLS()
        stream.shutDownWriting()
        drain()
    }

    // MARK: - What comes after

    private func converse(cutOff: Bool) throws {
        guard let head = try readHead() else {
            return try closeInGoodOrder()
        }
        let lines = head.split(separator: "\r\n")
        let key = lines.first { $0.lowercased().hasPrefix("sec-websocket-key:") }?
            .split(separator: ":", maxSplits: 1).last
            .map { $0.drop { $0 == " " } }
        seen.asksForWebSocket = key != nil
        guard !cutOff else {
            try write(key == nil ? Self.cutAnswer : Self.cutUpgrade)
            stream.shutDownWriting()
            return drain()
        }
        guard let key else {
            try write(Self.answer)
            return try closeInGoodOrder()
        }
        try write(FaultServer.UpgradeResponse().bytes(key: String(key)))
        try echo()
        try closeInGoodOrder()
    }

    private static let body = "accepted\n"
    private static let answer = Array(
        """
        HTTP/1.1 200 OK\r
        Content-Type: text/plain\r
        Content-Length: \(body.utf8.count)\r
        Connection: close\r
        \r
        \(body)
        """.utf8)
    /// A part of an answer that a client must not take for the whole: only the end of the connection says where it ends.
    private static let cutAnswer = Array(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nPay 100".utf8)
    private static let cutUpgrade = Array("HTTP/1.1 101 Switching Protocols\r\nUpgrade: webs".utf8)
    private static let plainAnswer = Array(
        "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".utf8)

    /// The head of a request; `nil` when the client sends none.
    private func readHead() throws -> String? {
        let end = Array("\r\n\r\n".utf8)
        while true {
            if let range = received.firstRange(of: end) {
                let head = String(decoding: received[..<range.lowerBound], as: UTF8.self)
                received.removeFirst(range.upperBound)
                return head
            }
            guard received.count < Self.requestLimit, try readMore() else { return nil }
        }
    }

    /// Sends back every message until the client closes.
    private func echo() throws {
        while true {
            while let (frame, length) = FaultServer.Frame.parse(received, at: 0) {
                received.removeFirst(length)
                var answer = frame
                answer.maskKey = nil
                switch frame.opcode {
                case 0x8: return try write(answer.bytes)
                case 0x9:
                    answer.opcode = 0xA
                    try write(answer.bytes)
                case 0x0...0x2: try write(answer.bytes)
                default: break
                }
            }
            guard received.count < Self.messageLimit, try readMore() else { return }
        }
    }

    // MARK: - Bytes

    /// Waits for bytes; `false` at the end of the stream, and when the client has done nothing for too long.
    private func readMore() throws -> Bool {
        try readMore(atMost: Self.patience)
    }

    private func readMore(atMost limit: Duration) throws -> Bool {
        while true {
            var bytes: [UInt8] = []
            switch try stream.attemptRead(appendingTo: &bytes) {
            case .done:
                if seen.handshake == .completed { seen.hasSentData = true }
                received += bytes
                return true
            case .endOfStream: return false
            case .blocked(let events):
                guard try stream.wait(events, atMost: limit) != 0 else { return false }
            }
        }
    }

    private func write(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            switch try stream.attemptWrite(rest) {
            case .done(let count): rest = rest.dropFirst(count)
            case .endOfStream: throw FaultServerStreamError.peerClosed
            case .blocked(let events):
                guard try stream.wait(events, atMost: Self.patience) != 0 else {
                    throw FaultServerStreamError.peerClosed
                }
            }
        }
    }

    /// Closing a socket with unread bytes would send a reset, so what still comes is read first.
    private func closeInGoodOrder() throws {
        stream.sendCloseNotify()
        stream.shutDownWriting()
        drain()
    }

    private func drain() {
        let deadline = ContinuousClock.now + Self.closingPatience
        while case let rest = deadline - ContinuousClock.now, rest > .zero {
            received = []
            guard (try? readMore(atMost: rest)) == true else { return }
        }
    }

    private func noteWhatIsThere() {
        var bytes: [UInt8] = []
        if case .done = try? stream.attemptRead(appendingTo: &bytes) { seen.hasSentData = true }
    }
}
