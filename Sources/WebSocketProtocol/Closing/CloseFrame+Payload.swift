extension CloseFrame {
    /// The longest reason in bytes: a control frame's 125 less two for the code (RFC 6455 section 5.5).
    package static let maximumReasonSize = 123

    /// Reads a received close frame's body (RFC 6455 section 5.5.1).
    package init(payload: UnsafeRawBufferPointer) throws(ProtocolViolation) {
        guard !payload.isEmpty else {
            self.init(code: nil)
            return
        }
        guard payload.count >= 2 else { throw ProtocolViolation(.closeBodyOfOneByte) }
        let code = CloseCode(rawValue: UInt16(payload[0]) << 8 | UInt16(payload[1]))
        guard code.isAllowedOnTheWire else { throw ProtocolViolation(.closeCodeNotAllowed(code.rawValue)) }
        let reason = UnsafeRawBufferPointer(rebasing: payload.dropFirst(2))
        guard UTF8Validator.isValid(reason) else { throw ProtocolViolation(.closeReasonNotUTF8) }
        self.init(code: code, reason: String(decoding: reason, as: UTF8.self))
    }

    /// The body of a close frame that says this. Closing never fails because of the content: a reason longer than
    /// ``maximumReasonSize`` is cut between two scalars, and without a code that is allowed on the wire (such as 1005,
    /// which stands for "no code") the body is empty.
    package var payload: [UInt8] {
        guard let code, code.isAllowedOnTheWire else { return [] }
        return [UInt8(code.rawValue >> 8), UInt8(code.rawValue & 0xFF)] + Self.truncated(reason)
    }

    /// This frame as the peer will read it; see ``payload``.
    package var asSent: CloseFrame {
        guard let code, code.isAllowedOnTheWire else { return CloseFrame(code: nil) }
        return CloseFrame(code: code, reason: String(decoding: Self.truncated(reason), as: UTF8.self))
    }

    private static func truncated(_ reason: String) -> ArraySlice<UInt8> {
        let bytes = Array(reason.utf8)
        guard bytes.count > maximumReasonSize else { return bytes[...] }
        var end = maximumReasonSize
        while UTF8.isContinuation(bytes[end]) { end -= 1 }
        return bytes[..<end]
    }
}
