import Testing

@testable import WebSocketProtocol

@Suite struct WebSocketExtensionTests {
    private static let deflate = WebSocketExtension(
        "permessage-deflate", parameters: [.init("client_max_window_bits"), .init("server_max_window_bits", "10")])

    @Test(
        "A header line is read as the grammar says",
        arguments: [
            ("", []),
            ("foo", [WebSocketExtension("foo")]),
            ("permessage-deflate; client_max_window_bits; server_max_window_bits=10", [deflate]),
            ("permessage-deflate;client_max_window_bits;server_max_window_bits=\"10\"", [deflate]),
            (" permessage-deflate ;\tclient_max_window_bits ; server_max_window_bits = 10 ", [deflate]),
            ("a, b; c=d", [WebSocketExtension("a"), WebSocketExtension("b", parameters: [.init("c", "d")])]),
            (",a,,b,", [WebSocketExtension("a"), WebSocketExtension("b")]),
            ("a; b=\"c\\d\"", [WebSocketExtension("a", parameters: [.init("b", "cd")])]),
        ] as [(String, [WebSocketExtension])])
    func headerLineFollowsGrammar(line: String, extensions: [WebSocketExtension]) {
        #expect(WebSocketExtension.parse(line) == extensions)
    }

    @Test(
        "A header line that breaks the grammar is refused whole",
        arguments: [
            ";", "a;", "a b", "a; b=", "a; =b", "a; b=\"c", "a; b=\"\"", "a; b=\"c d\"", "a; b=\"c\\", "a; b=\"c\"d",
            "a; b c", "a@b", "ä", "a;;b", "a/b",
        ])
    func brokenHeaderLineIsRefusedWhole(line: String) {
        #expect(WebSocketExtension.parse(line) == nil)
    }

    @Test("The description is what goes into the header") func descriptionIsTheHeader() {
        #expect(
            Self.deflate.description == "permessage-deflate; client_max_window_bits; server_max_window_bits=10")
        #expect(WebSocketExtension.parse(Self.deflate.description) == [Self.deflate])
    }
}
