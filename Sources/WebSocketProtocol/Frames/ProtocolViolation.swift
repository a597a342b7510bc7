/// An act of the peer that RFC 6455 forbids or that this side cannot take, with the close code that the peer is told.
package struct ProtocolViolation: Error, Hashable {
    package enum Rule: Hashable, Sendable {
        /// The first byte of a frame with reserved bits that no negotiated extension gives a meaning to.
        case reservedBits(UInt8)
        /// RSV1, which marks a compressed message, on a frame that does not begin one.
        case compressionBitOutOfPlace(Opcode)
        case reservedOpcode(UInt8)
        case fragmentedControlFrame(Opcode)
        case oversizedControlFrame(Opcode)
        case maskedServerFrame
        case unmaskedClientFrame
        case lengthNotMinimal(length: UInt64)
        case lengthExceeds63Bits(length: UInt64)
        case continuationOfNothing
        case messageInsideMessage(Opcode)
        /// `size` is what the frame's header announces together with the fragments before it; `nil` when the message
        /// grew beyond the limit while it was inflated.
        case messageTooBig(size: UInt64?, limit: Int)
        case textNotUTF8
        case closeBodyOfOneByte
        case closeCodeNotAllowed(UInt16)
        case closeReasonNotUTF8
        /// A fault of a compressed message (RFC 7692), in the inflater's words.
        case compressedDataInvalid(String)
        /// A failure of zlib to inflate for a reason of its own, such as a lack of memory, in its words.
        case inflaterFailed(String)
    }

    package let rule: Rule

    package init(_ rule: Rule) {
        self.rule = rule
    }

    /// The code for the close frame that tells the peer (RFC 6455 section 7.4.1).
    package var closeCode: CloseCode {
        switch rule {
        case .messageTooBig: .messageTooBig
        case .textNotUTF8, .closeReasonNotUTF8, .compressedDataInvalid: .invalidFramePayloadData
        case .inflaterFailed: .internalError
        default: .protocolError
        }
    }

    /// The close frame that tells the peer.
    package var closeFrame: CloseFrame {
        CloseFrame(code: closeCode, reason: summary)
    }
}

extension ProtocolViolation: CustomStringConvertible {
    /// The party at fault, what happened, and the section or option that says that it must not.
    package var description: String {
        let fault =
            switch rule {
            case .messageTooBig: "The peer sent too much"
            case .inflaterFailed: "This side failed"
            default: "The peer broke the WebSocket protocol"
            }
        return "\(fault): \(summary) (\(source))."
    }

    /// Short enough for the reason of a close frame.
    private var summary: String {
        switch rule {
        case .reservedBits(let byte):
            "reserved bits \(Self.names(ofReservedBits: byte)) set without an extension that uses them"
        case .compressionBitOutOfPlace(let opcode):
            "RSV1 set on a \(opcode) frame"
        case .reservedOpcode(let opcode):
            "reserved opcode 0x\(String(opcode, radix: 16, uppercase: true))"
        case .fragmentedControlFrame(let opcode):
            "fragmented \(opcode) frame"
        case .oversizedControlFrame(let opcode):
            "\(opcode) frame with a payload longer than \(Opcode.maximumControlPayload) bytes"
        case .maskedServerFrame:
            "masked frame from a server"
        case .unmaskedClientFrame:
            "unmasked frame from a client"
        case .lengthNotMinimal(let length):
            "payload length \(length) not in its shortest form"
        case .lengthExceeds63Bits(let length):
            "payload length 0x\(String(length, radix: 16)) with its most significant bit set"
        case .continuationOfNothing:
            "continuation frame without a message to continue"
        case .messageInsideMessage(let opcode):
            "\(opcode) frame before the fragmented message was finished"
        case .messageTooBig(let size?, let limit):
            "message of at least \(size) bytes exceeds the limit of \(limit)"
        case .messageTooBig(nil, let limit):
            "compressed message inflates beyond the limit of \(limit) bytes"
        case .textNotUTF8:
            "text message is not valid UTF-8"
        case .closeBodyOfOneByte:
            "close frame with a body of one byte, which is no status code"
        case .closeCodeNotAllowed(let code):
            "close code \(code), which must not be sent"
        case .closeReasonNotUTF8:
            "reason of the close frame is not valid UTF-8"
        case .compressedDataInvalid(let detail):
            "compressed message cannot be inflated: \(detail)"
        case .inflaterFailed(let detail):
            "zlib cannot inflate a compressed message: \(detail)"
        }
    }

    private var source: String {
        switch rule {
        case .reservedBits, .reservedOpcode, .lengthNotMinimal, .lengthExceeds63Bits: "RFC 6455 section 5.2"
        case .compressionBitOutOfPlace: "RFC 7692 section 6"
        case .fragmentedControlFrame, .oversizedControlFrame: "RFC 6455 section 5.5"
        case .maskedServerFrame, .unmaskedClientFrame: "RFC 6455 section 5.1"
        case .continuationOfNothing, .messageInsideMessage: "RFC 6455 section 5.4"
        case .textNotUTF8: "RFC 6455 section 8.1"
        case .closeBodyOfOneByte, .closeReasonNotUTF8: "RFC 6455 section 5.5.1"
        case .closeCodeNotAllowed: "RFC 6455 section 7.4"
        case .compressedDataInvalid, .inflaterFailed: "RFC 7692 section 7.2.2"
        case .messageTooBig: "maximumMessageSize"
        }
    }

    private static func names(ofReservedBits byte: UInt8) -> String {
        [(0x40, "RSV1"), (0x20, "RSV2"), (0x10, "RSV3")]
            .filter { byte & $0.0 != 0 }
            .map(\.1)
            .joined(separator: "+")
    }
}
