import Testing

@testable import WebSocketProtocol

@Suite struct CloseFrameTests {
    private func parse(_ payload: [UInt8]) -> Result<CloseFrame, ProtocolViolation> {
        payload.withUnsafeBytes { bytes in
            do throws(ProtocolViolation) {
                return .success(try CloseFrame(payload: bytes))
            } catch {
                return .failure(error)
            }
        }
    }

    @Test("An empty body is a close frame without a code") func emptyBodyHasNoCode() {
        #expect(parse([]) == .success(CloseFrame(code: nil)))
        #expect(CloseFrame(code: nil, reason: "lost").payload.isEmpty)
    }

    @Test("A body of one byte is refused") func oneByteIsRefused() {
        #expect(parse([3]) == .failure(ProtocolViolation(.closeBodyOfOneByte)))
    }

    @Test(
        "Codes for the wire keep their number and their reason",
        arguments: [
            1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
        ] as [UInt16])
    func wireCodesKeepNumberAndReason(number: UInt16) {
        let frame = CloseFrame(code: CloseCode(rawValue: number), reason: "héllo")
        #expect(frame.payload == [UInt8(number >> 8), UInt8(number & 0xFF)] + Array("héllo".utf8))
        #expect(parse(frame.payload) == .success(frame))
        #expect(frame.asSent == frame)
    }

    @Test(
        "Other codes are refused when received, and left out when sent",
        arguments: [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] as [UInt16])
    func otherCodesAreRefused(number: UInt16) {
        let payload = [UInt8(number >> 8), UInt8(number & 0xFF)]
        #expect(parse(payload) == .failure(ProtocolViolation(.closeCodeNotAllowed(number))))
        let frame = CloseFrame(code: CloseCode(rawValue: number), reason: "x")
        #expect(frame.payload.isEmpty)
        #expect(frame.asSent == CloseFrame(code: nil))
    }

    @Test("Every number is either allowed in both directions or in none") func numbersAreAllowedInBothDirections() {
        for number in UInt16.min ... .max {
            let isAllowed =
                (1000...1003).contains(number) || (1007...1014).contains(number)
                || (3000...4999).contains(number)
            let code = CloseCode(rawValue: number)
            #expect(code.isAllowedOnTheWire == isAllowed)
        }
    }

    @Test(
        "A reason that is not UTF-8 is refused with 1007",
        arguments: [[0xFF], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0x61, 0xE2, 0x82]] as [[UInt8]])
    func reasonMustBeUTF8(reason: [UInt8]) {
        #expect(parse([0x03, 0xE8] + reason) == .failure(ProtocolViolation(.closeReasonNotUTF8)))
    }

    @Test(
        "A reason is cut between two scalars, at 123 bytes or less",
        arguments: [
            (String(repeating: "a", count: 123), 123),
            (String(repeating: "a", count: 124), 123),
            (String(repeating: "a", count: 122) + "é", 122),
            (String(repeating: "€", count: 41), 123),
            (String(repeating: "€", count: 42), 123),
            (String(repeating: "a", count: 121) + "😀", 121),
            (String(repeating: "a", count: 100_000), 123),
        ])
    func reasonIsCutBetweenScalars(reason: String, size: Int) throws {
        let frame = CloseFrame(code: .goingAway, reason: reason)
        #expect(frame.payload.count == 2 + size)
        let received = try parse(frame.payload).get()
        #expect(reason.utf8.starts(with: received.reason.utf8))
        #expect(received == frame.asSent)
    }
}
