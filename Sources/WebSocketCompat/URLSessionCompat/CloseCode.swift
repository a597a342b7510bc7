public import Foundation

extension WebSocketTask {
    /// The code of a close frame.
    ///
    /// The original's is an enumeration that ends at 1015, so that 4000 to 4999, an application's own, are lost. Here every
    /// number keeps its identity; a `switch` over it needs a `default`.
    public struct CloseCode: RawRepresentable, Hashable, Sendable {
        public let rawValue: Int

        /// The code with a number.
        ///
        /// - Returns: `nil` for what no close frame can carry: less than 0 or more than 65535.
        public init?(rawValue: Int) {
            guard UInt16(exactly: rawValue) != nil else { return nil }
            self.rawValue = rawValue
        }

        init(_ code: UInt16) {
            rawValue = Int(code)
        }

        /// The task has not been closed.
        public static let invalid = CloseCode(0)
        /// 1000: the purpose of the connection is fulfilled.
        public static let normalClosure = CloseCode(1000)
        /// 1001: a side goes away.
        public static let goingAway = CloseCode(1001)
        /// 1002: the peer broke the protocol.
        public static let protocolError = CloseCode(1002)
        /// 1003: the peer sent a kind of data that cannot be accepted.
        public static let unsupportedData = CloseCode(1003)
        /// 1005: the close frame had no code.
        public static let noStatusReceived = CloseCode(1005)
        /// 1006: there was no close frame.
        public static let abnormalClosure = CloseCode(1006)
        /// 1007: a message did not hold what its kind promises.
        public static let invalidFramePayloadData = CloseCode(1007)
        /// 1008: a message violates the receiver's policy.
        public static let policyViolation = CloseCode(1008)
        /// 1009: a message is too big.
        public static let messageTooBig = CloseCode(1009)
        /// 1010: the server did not agree to an extension.
        public static let mandatoryExtensionMissing = CloseCode(1010)
        /// 1011: the server met a condition that it did not expect.
        public static let internalServerError = CloseCode(1011)
        /// 1015: TLS failed.
        public static let tlsHandshakeFailure = CloseCode(1015)
    }

    /// One message.
    public enum Message: Hashable, Sendable {
        /// A binary message.
        case data(Data)
        /// A text message.
        case string(String)
    }

    /// A state in the life of a task.
    public enum State: Int, Sendable {
        /// Connecting, or connected.
        case running = 0
        /// Not resumed yet.
        case suspended = 1
        /// Told to cancel, and not through with it.
        case canceling = 2
        /// Over.
        case completed = 3
    }
}
