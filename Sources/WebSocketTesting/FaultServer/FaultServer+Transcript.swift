extension FaultServer {
    /// A record of what a client sent on one connection to a ``FaultServer``, and of how the connection ended.
    public struct Transcript: Sendable {
        /// The end of a script. Steps count from 0; the TLS handshake belongs to step 0.
        public enum End: Hashable, Sendable {
            /// Every step was carried out.
            case finished
            /// The client closed the connection while the step wanted to read more, or to stall.
            case peerClosed(step: Int)
            /// The client reset the connection, or had closed it while the step still wrote.
            case peerReset(step: Int)
            /// The server was stopped.
            case stopped(step: Int)
            /// TLS failed, with OpenSSL's words: the client refused the certificate, or no version fits both.
            case tlsFailed(step: Int, String)
            /// The step made no sense here: an upgrade whose request exceeds 1 MiB, for example.
            case failed(step: Int, String)
        }

        /// The number of bytes of one connection that are recorded. Further ones are read and dropped.
        public static let recordingLimit = 64 << 20

        /// The request's head with its empty line, when a step read it.
        public internal(set) var requestHead: String?
        /// Everything the client sent after the request's head, or from the start when no step read a head.
        public internal(set) var received: [UInt8] = []
        /// The complete frames in ``received``, when a step read the request's head.
        public internal(set) var frames: [Frame] = []
        /// The end of the script.
        public internal(set) var end: End

        init(end: End = .finished) {
            self.end = end
        }

        /// The method, target and version: `GET /path HTTP/1.1`.
        public var requestLine: String? { requestLines.first.map(String.init) }

        /// The values of a request header, in the order sent. Names are compared without regard to ASCII case.
        public func requestHeaders(_ name: String) -> [String] {
            requestLines.dropFirst().compactMap { line in
                guard let colon = line.firstIndex(of: ":"), line[..<colon].lowercased() == name.lowercased() else {
                    return nil
                }
                let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
                return String(value)
            }
        }

        /// The code in the first close frame, `nil` when there was none or it was empty.
        public var closeCode: UInt16? {
            guard let payload = closeFrame?.payload, payload.count >= 2 else { return nil }
            return UInt16(payload[0]) << 8 | UInt16(payload[1])
        }

        /// The reason in the first close frame, `nil` when there was no close frame.
        public var closeReason: String? {
            closeFrame.map { String(decoding: $0.payload.dropFirst(2), as: UTF8.self) }
        }

        /// The first close frame.
        public var closeFrame: Frame? { frames.first { $0.opcode == 0x8 } }

        private var requestLines: [Substring] {
            requestHead?.split(separator: "\r\n", omittingEmptySubsequences: true) ?? []
        }
    }
}
