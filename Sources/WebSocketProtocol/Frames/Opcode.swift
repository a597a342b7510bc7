/// The kind of a frame's payload (RFC 6455 section 5.2).
package enum Opcode: UInt8, Hashable, Sendable, CaseIterable {
    case continuation = 0x0
    case text = 0x1
    case binary = 0x2
    case close = 0x8
    case ping = 0x9
    case pong = 0xA

    /// Control frames have the most significant bit of the opcode set (RFC 6455 section 5.5).
    package var isControl: Bool {
        rawValue & 0x8 != 0
    }

    /// The longest payload of a control frame in bytes (RFC 6455 section 5.5). Callers that encode a control frame have
    /// checked this.
    package static let maximumControlPayload = 125

    package init(_ kind: WebSocketMessage.Kind) {
        switch kind {
        case .text: self = .text
        case .binary: self = .binary
        }
    }
}
