import Testing
import WebSocketTesting

@testable import WebSocketProtocol

@Suite struct MessageReaderCutTests {
    /// Every kind of frame and every length form, whole and fragmented, with control frames in between.
    private static func corpus(to role: Role) -> (bytes: [UInt8], expected: Received) {
        func payload(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) } }
        let text = "héllo, 消息 😀"
        let split = Array(text.utf8)
        let frames = [
            RawFrame(.text, Array(text.utf8), to: role),
            RawFrame(.binary, [], to: role),
            RawFrame(.ping, Array("one".utf8), to: role),
            RawFrame(.binary, payload(125), to: role),
            RawFrame(.text, Array(split[..<2]), fin: false, to: role),
            RawFrame(.ping, payload(125), to: role),
            RawFrame(.continuation, [], fin: false, to: role),
            RawFrame(.continuation, Array(split[2..<9]), fin: false, to: role),
            RawFrame(.pong, [], to: role),
            RawFrame(.continuation, Array(split[9...]), to: role),
            RawFrame(.binary, payload(126), to: role),
            RawFrame(.pong, [7], to: role),
            RawFrame(.binary, [], fin: false, to: role),
            RawFrame(.continuation, [], to: role),
            RawFrame(.text, [], to: role),
            RawFrame(.binary, payload(300), fin: false, to: role),
            RawFrame(.continuation, [1], to: role),
            RawFrame(.close, [0x0F, 0xA0] + Array("ende".utf8), to: role),
        ]
        let expected = Received(
            messages: [
                .text(text), .binary([]), .binary(payload(125)), .text(text), .binary(payload(126)), .binary([]),
                .text(""), .binary(payload(300) + [1]),
            ],
            pings: [Array("one".utf8), payload(125)],
            pongs: [[], [7]],
            end: .close(CloseFrame(code: CloseCode(rawValue: 4000), reason: "ende"))
        )
        return (frames.flatMap(\.bytes), expected)
    }

    @Test("A read of everything brings everything", arguments: Role.allCases)
    func readBringsEverything(role: Role) {
        let (bytes, expected) = Self.corpus(to: role)
        #expect(MessageReader.read(bytes, role: role) == expected)
    }

    @Test("Two reads bring the same, wherever the first one ends", arguments: Role.allCases)
    func twoReadsBringTheSame(role: Role) {
        let (bytes, expected) = Self.corpus(to: role)
        for cut in 0...bytes.count {
            #expect(MessageReader.read(bytes, role: role, cutAt: [cut]) == expected, "cut at \(cut)")
        }
    }

    @Test("Reads of one byte bring the same", arguments: Role.allCases)
    func singleBytesBringTheSame(role: Role) {
        let (bytes, expected) = Self.corpus(to: role)
        #expect(MessageReader.read(bytes, role: role, cutAt: Array(1..<bytes.count)) == expected)
    }

    @Test("Reads of random sizes bring the same", arguments: Role.allCases, 0..<20 as Range<UInt64>)
    func randomReadsBringTheSame(role: Role, seed: UInt64) {
        let (bytes, expected) = Self.corpus(to: role)
        var generator = SeededGenerator(seed: seed)
        let cuts = (0..<12).map { _ in Int.random(in: 0...bytes.count, using: &generator) }.sorted()
        #expect(MessageReader.read(bytes, role: role, cutAt: cuts) == expected, "cut at \(cuts)")
    }
}
