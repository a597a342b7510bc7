import Testing

@testable import WebSocketProtocol

@Suite struct MessageReaderTests {
    @Test(arguments: Role.allCases)
    func `one message of each kind, a ping, a pong and a close frame come out as they went in`(role: Role) {
        let bytes =
            RawFrame(.text, Array("héllo".utf8), to: role).bytes
            + RawFrame(.ping, [1, 2, 3], to: role).bytes
            + RawFrame(.binary, [0xFF, 0x00], to: role).bytes
            + RawFrame(.pong, [], to: role).bytes
            + RawFrame(.close, [0x03, 0xE8] + Array("bye".utf8), to: role).bytes
        let expected = Received(
            messages: [.text("héllo"), .binary([0xFF, 0x00])],
            pings: [[1, 2, 3]],
            pongs: [[]],
            end: .close(CloseFrame(code: .normalClosure, reason: "bye"))
        )
        #expect(MessageReader.read(bytes, role: role) == expected)
    }
}
