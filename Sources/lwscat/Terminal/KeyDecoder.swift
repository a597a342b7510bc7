/// Turns the bytes that a terminal sends into keys, however they are cut into reads.
///
/// Escape sequences are those of ECMA-48 section 5.4 and xterm's "PC-style function keys"; what has no use here is left out.
struct KeyDecoder {
    enum Key: Hashable, Sendable {
        case character(Character)
        case enter, backspace, delete
        case left, right, home, end, up, down
        case killToStart, killToEnd, killWord
        case interrupt, endOfInput, redraw
    }

    private enum State {
        case ground
        case escape
        /// Behind `ESC [`: the parameters so far.
        case sequence([UInt8])
        /// Behind `ESC O`.
        case singleShift
        /// In the middle of a character of UTF-8.
        case character([UInt8], length: Int)
    }

    private var state = State.ground

    mutating func decode(_ bytes: some Sequence<UInt8>) -> [Key] {
        bytes.compactMap { decode($0) }
    }

    private mutating func decode(_ byte: UInt8) -> Key? {
        switch state {
        case .ground: return ground(byte)
        case .escape:
            switch byte {
            case UInt8(ascii: "["): state = .sequence([])
            case UInt8(ascii: "O"): state = .singleShift
            case 0x1B: break
            default: state = .ground
            }
            return nil
        case .singleShift:
            state = .ground
            return Self.cursorKey(byte)
        case .sequence(let parameters):
            // Parameters and intermediates are 0x20-0x3F, the final byte is 0x40-0x7E. A sequence of hundreds of bytes is none.
            if (0x20...0x3F).contains(byte), parameters.count < 32 {
                state = .sequence(parameters + [byte])
                return nil
            }
            state = .ground
            return byte == UInt8(ascii: "~") ? Self.editingKey(parameters) : Self.cursorKey(byte)
        case .character(let beginning, let length):
            guard (0x80...0xBF).contains(byte) else {
                // Not part of the character that had begun: this byte begins something of its own.
                state = .ground
                return ground(byte)
            }
            let bytes = beginning + [byte]
            guard bytes.count == length else {
                state = .character(bytes, length: length)
                return nil
            }
            state = .ground
            return String(validating: bytes, as: UTF8.self)?.first.map { .character($0) }
        }
    }

    private mutating func ground(_ byte: UInt8) -> Key? {
        switch byte {
        case 0x01: return .home  // ctrl-a
        case 0x02: return .left  // ctrl-b
        case 0x03: return .interrupt  // ctrl-c
        case 0x04: return .endOfInput  // ctrl-d
        case 0x05: return .end  // ctrl-e
        case 0x06: return .right  // ctrl-f
        case 0x08, 0x7F: return .backspace
        case 0x09: return .character("\t")
        case 0x0A, 0x0D: return .enter
        case 0x0B: return .killToEnd  // ctrl-k
        case 0x0C: return .redraw  // ctrl-l
        case 0x0E: return .down  // ctrl-n
        case 0x10: return .up  // ctrl-p
        case 0x15: return .killToStart  // ctrl-u
        case 0x17: return .killWord  // ctrl-w
        case 0x1B:
            state = .escape
            return nil
        case 0x20...0x7E: return .character(Character(Unicode.Scalar(byte)))
        case 0xC2...0xDF: state = .character([byte], length: 2)
        case 0xE0...0xEF: state = .character([byte], length: 3)
        case 0xF0...0xF4: state = .character([byte], length: 4)
        default: break
        }
        return nil
    }

    private static func cursorKey(_ final: UInt8) -> Key? {
        switch final {
        case UInt8(ascii: "A"): .up
        case UInt8(ascii: "B"): .down
        case UInt8(ascii: "C"): .right
        case UInt8(ascii: "D"): .left
        case UInt8(ascii: "F"): .end
        case UInt8(ascii: "H"): .home
        default: nil
        }
    }

    private static func editingKey(_ parameters: [UInt8]) -> Key? {
        switch String(decoding: parameters.prefix { $0 != UInt8(ascii: ";") }, as: UTF8.self) {
        case "1", "7": .home
        case "3": .delete
        case "4", "8": .end
        default: nil
        }
    }
}
