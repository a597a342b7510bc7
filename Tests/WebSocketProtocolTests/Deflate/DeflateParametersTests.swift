import HTTPTypes
import Testing

@testable import WebSocketProtocol

@Suite struct DeflateParametersTests {
    typealias Options = WebSocketCompression.DeflateOptions

    /// Parses `text` as the header would be.
    private static func extensions(_ text: String) throws -> [WebSocketExtension] {
        try #require(WebSocketExtension.parse(text))
    }

    // MARK: - The client's offer

    @Test(
        "A client offers what its options ask of the server",
        arguments: [
            (Options(), "permessage-deflate; client_max_window_bits"),
            (Options(windowBits: 9), "permessage-deflate; client_max_window_bits"),
            (
                Options(peerWindowBits: 10),
                "permessage-deflate; server_max_window_bits=10; client_max_window_bits"
            ),
            (
                Options(contextTakeover: false),
                "permessage-deflate; client_no_context_takeover; client_max_window_bits"
            ),
            (
                Options(peerWindowBits: 9, contextTakeover: false, peerContextTakeover: false),
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
                    + "server_max_window_bits=9; client_max_window_bits"
            ),
        ])
    func clientOffersWhatOptionsAsk(options: Options, header: String) {
        #expect(DeflateParameters(offering: options).offer.description == header)
    }

    // MARK: - The server's answer

    @Test(
        "A server accepts the first offer that it can",
        arguments: [
            // The offers of browsers and common libraries.
            ("permessage-deflate", Options(), "permessage-deflate; server_max_window_bits=12"),
            (
                "permessage-deflate; client_max_window_bits", Options(),
                "permessage-deflate; server_max_window_bits=12"
            ),
            ("permessage-deflate", Options(windowBits: 15), "permessage-deflate"),
            // The server's window: the smaller of both wishes, named whenever the client has named it.
            (
                "permessage-deflate; server_max_window_bits=10", Options(),
                "permessage-deflate; server_max_window_bits=10"
            ),
            (
                "permessage-deflate; server_max_window_bits=15", Options(windowBits: 15),
                "permessage-deflate; server_max_window_bits=15"
            ),
            (
                "permessage-deflate; server_max_window_bits=15", Options(windowBits: 11),
                "permessage-deflate; server_max_window_bits=11"
            ),
            (
                "permessage-deflate; server_max_window_bits=\"10\"", Options(),
                "permessage-deflate; server_max_window_bits=10"
            ),
            // The client's window: limited only when the client has said that it can be.
            (
                "permessage-deflate; client_max_window_bits", Options(windowBits: 15, peerWindowBits: 10),
                "permessage-deflate; client_max_window_bits=10"
            ),
            (
                "permessage-deflate; client_max_window_bits=9", Options(windowBits: 15, peerWindowBits: 10),
                "permessage-deflate; client_max_window_bits=9"
            ),
            (
                "permessage-deflate; client_max_window_bits=8", Options(windowBits: 15),
                "permessage-deflate; client_max_window_bits=8"
            ),
            (
                "permessage-deflate; client_max_window_bits=15", Options(windowBits: 15),
                "permessage-deflate"
            ),
            ("permessage-deflate", Options(windowBits: 15, peerWindowBits: 10), "permessage-deflate"),
            // Context takeover: off when either side wants that.
            (
                "permessage-deflate; server_no_context_takeover", Options(windowBits: 15),
                "permessage-deflate; server_no_context_takeover"
            ),
            (
                "permessage-deflate; client_no_context_takeover", Options(windowBits: 15),
                "permessage-deflate; client_no_context_takeover"
            ),
            (
                "permessage-deflate",
                Options(windowBits: 15, contextTakeover: false, peerContextTakeover: false),
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
            ),
            // The first offer that can be accepted wins (RFC 7692 section 5.1).
            (
                "permessage-deflate; server_max_window_bits=10, permessage-deflate", Options(),
                "permessage-deflate; server_max_window_bits=10"
            ),
            (
                "x-webkit-deflate-frame, permessage-deflate; server_max_window_bits=8, permessage-deflate",
                Options(windowBits: 15), "permessage-deflate"
            ),
            (
                "permessage-deflate; future=1, permessage-deflate; client_max_window_bits",
                Options(windowBits: 15), "permessage-deflate"
            ),
        ])
    func serverAcceptsFirstPossible(offer: String, options: Options, answer: String) throws {
        let accepted = DeflateParameters(accepting: try Self.extensions(offer), options: options)
        #expect(accepted?.answer.description == answer)
    }

    /// Each is invalid as an offer and as an answer.
    static let invalid: [(String, DeflateParameterProblem)] = [
        ("unknown", .unknown("unknown")),
        ("Server_no_context_takeover", .unknown("Server_no_context_takeover")),
        ("server_no_context_takeover; server_no_context_takeover", .duplicate("server_no_context_takeover")),
        ("client_no_context_takeover; client_no_context_takeover", .duplicate("client_no_context_takeover")),
        ("server_max_window_bits=10; server_max_window_bits=10", .duplicate("server_max_window_bits")),
        ("client_max_window_bits=10; client_max_window_bits=11", .duplicate("client_max_window_bits")),
        ("server_no_context_takeover=1", .valueNotAllowed("server_no_context_takeover", "1")),
        ("client_no_context_takeover=true", .valueNotAllowed("client_no_context_takeover", "true")),
        ("server_max_window_bits", .valueMissing("server_max_window_bits")),
        ("server_max_window_bits=7", .windowBits("server_max_window_bits", "7")),
        ("server_max_window_bits=16", .windowBits("server_max_window_bits", "16")),
        ("server_max_window_bits=010", .windowBits("server_max_window_bits", "010")),
        ("server_max_window_bits=+9", .windowBits("server_max_window_bits", "+9")),
        ("server_max_window_bits=9.0", .windowBits("server_max_window_bits", "9.0")),
        ("client_max_window_bits=0", .windowBits("client_max_window_bits", "0")),
        ("client_max_window_bits=-9", .windowBits("client_max_window_bits", "-9")),
        ("client_max_window_bits=ten", .windowBits("client_max_window_bits", "ten")),
        (
            "client_max_window_bits=99999999999999999999",
            .windowBits("client_max_window_bits", "99999999999999999999")
        ),
    ]

    @Test("A server declines an invalid offer", arguments: invalid.map(\.0))
    func serverDeclinesInvalidOffer(parameters: String) throws {
        let offers = try Self.extensions("permessage-deflate; \(parameters)")
        #expect(DeflateParameters(accepting: offers, options: Options()) == nil)
    }

    @Test(
        "A server declines what it cannot do",
        arguments: [
            "x-webkit-deflate-frame", "Permessage-Deflate", "permessage-deflate; server_max_window_bits=8", "",
        ])
    func serverDeclinesImpossible(offer: String) throws {
        #expect(DeflateParameters(accepting: try Self.extensions(offer), options: Options()) == nil)
    }

    // MARK: - The client's check of the answer

    @Test(
        "A client takes the answer for what it says",
        arguments: [
            (Options(), "permessage-deflate", (false, false, nil, nil)),
            (Options(), "permessage-deflate; server_max_window_bits=8", (false, false, 8, nil)),
            (Options(), "permessage-deflate; client_max_window_bits=8", (false, false, nil, 8)),
            (
                Options(),
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
                    + "server_max_window_bits=10; client_max_window_bits=15", (true, true, 10, 15)
            ),
            (
                Options(peerWindowBits: 12), "permessage-deflate; server_max_window_bits=12",
                (false, false, 12, nil)
            ),
            (
                Options(peerWindowBits: 12), "permessage-deflate; server_max_window_bits=9",
                (false, false, 9, nil)
            ),
            (
                Options(peerContextTakeover: false), "permessage-deflate; server_no_context_takeover",
                (true, false, nil, nil)
            ),
        ] as [(Options, String, (Bool, Bool, Int?, Int?))])
    func clientTakesAnswer(
        options: Options, answer: String, expected: (Bool, Bool, Int?, Int?)
    ) throws {
        let agreed = try #require(
            try DeflateParameters(
                agreed: Self.extensions(answer), offered: [DeflateParameters(offering: options).offer]))
        #expect(agreed.serverNoContextTakeover == expected.0)
        #expect(agreed.clientNoContextTakeover == expected.1)
        #expect(agreed.serverMaxWindowBits == expected.2)
        #expect(agreed.clientMaxWindowBits == expected.3)
    }

    @Test("An answer without the extension declines it") func answerWithoutExtensionDeclines() throws {
        #expect(try DeflateParameters(agreed: [], offered: [DeflateParameters(offering: Options()).offer]) == nil)
        #expect(try DeflateParameters(agreed: [WebSocketExtension("other")], offered: []) == nil)
    }

    @Test(
        "An invalid answer fails the connection",
        arguments: invalid + [("client_max_window_bits", .valueMissing("client_max_window_bits"))])
    func invalidAnswerFails(parameters: String, problem: DeflateParameterProblem) throws {
        try expect(problem, "permessage-deflate; \(parameters)", offered: "permessage-deflate; client_max_window_bits")
    }

    @Test(
        "An answer that does not correspond to the offer fails the connection",
        arguments: [
            (
                "permessage-deflate", "permessage-deflate; client_max_window_bits=10",
                .notOffered("client_max_window_bits")
            ),
            (
                "permessage-deflate; client_max_window_bits=10", "permessage-deflate; client_max_window_bits=11",
                .exceedsOffer("client_max_window_bits", 11, offered: 10)
            ),
            (
                "permessage-deflate; server_max_window_bits=10", "permessage-deflate; server_max_window_bits=11",
                .exceedsOffer("server_max_window_bits", 11, offered: 10)
            ),
            (
                "permessage-deflate; server_max_window_bits=10", "permessage-deflate",
                .missing("server_max_window_bits")
            ),
            (
                "permessage-deflate; server_no_context_takeover", "permessage-deflate",
                .missing("server_no_context_takeover")
            ),
            ("permessage-deflate", "permessage-deflate, permessage-deflate", .severalAnswers),
        ] as [(String, String, DeflateParameterProblem)])
    func answerBeyondOfferFails(
        offered: String, answer: String, problem: DeflateParameterProblem
    ) throws {
        try expect(problem, answer, offered: offered)
    }

    @Test("An answer may correspond to any of several offers") func answerMayMatchAnyOffer() throws {
        let offered = try Self.extensions("permessage-deflate; server_max_window_bits=10, permessage-deflate")
        let agreed = try DeflateParameters(agreed: Self.extensions("permessage-deflate"), offered: offered)
        #expect(agreed == DeflateParameters())
    }

    @Test("The opening handshake refuses an invalid answer, with what is wrong with it")
    func handshakeRefusesInvalidAnswer() throws {
        let request = try UpgradeRequest(
            endpoint: Endpoint("wss://example.com/"), key: #require(HandshakeKey(received: "dGhlIHNhbXBsZSBub25jZQ==")),
            extensions: [DeflateParameters(offering: Options()).offer])
        let headers: HTTPFields = [
            .upgrade: "websocket", .connection: "Upgrade", .secWebSocketAccept: request.key.acceptValue,
            .secWebSocketExtensions: "permessage-deflate; server_max_window_bits=7",
        ]
        let violation = #expect(throws: HandshakeViolation.self) {
            let response = try HandshakeResponse(
                status: .switchingProtocols, headers: headers, answering: request)
            _ = try DeflateParameters(agreed: response.extensions, offered: request.extensions)
        }
        #expect(
            violation?.description == """
                The server's answer to the opening handshake is invalid: extension \
                "permessage-deflate; server_max_window_bits=7": server_max_window_bits is "7" instead of a number from 8 \
                to 15 (RFC 7692 section 7.1).
                """)
    }

    private func expect(
        _ problem: DeflateParameterProblem, _ answer: String, offered: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let (answered, offers) = (try Self.extensions(answer), try Self.extensions(offered))
        let violation = #expect(throws: HandshakeViolation.self, sourceLocation: sourceLocation) {
            try DeflateParameters(agreed: answered, offered: offers)
        }
        let first = try #require(answered.first).description
        #expect(violation?.rule == .deflateParameters(first, problem), sourceLocation: sourceLocation)
        #expect(violation?.description.contains("\(problem)") == true, sourceLocation: sourceLocation)
    }

    // MARK: - Both ends

    @Test(
        "What a client of ours offers and a server of ours answers is agreed",
        arguments: Role.allCases,
        [
            Options(), Options(contextTakeover: false), Options(peerContextTakeover: false),
            Options(windowBits: 9, peerWindowBits: 10), Options(windowBits: 15, peerWindowBits: 9),
        ])
    func ownClientAndServerAgree(role: Role, options: Options) throws {
        let offer = DeflateParameters(offering: role == .client ? options : Options()).offer
        let onServer = try #require(
            DeflateParameters(accepting: [offer], options: role == .server ? options : Options()))
        let onClient = try DeflateParameters(agreed: [onServer.answer], offered: [offer])
        #expect(onClient == onServer)
    }

    @Test("A window too small for zlib means sending uncompressed") func smallWindowSendsUncompressed() throws {
        var parameters = DeflateParameters()
        parameters.clientMaxWindowBits = 8
        for (role, compresses) in [(Role.client, false), (.server, true)] {
            let deflater = parameters.makeDeflater(role: role, options: Options())
            #expect((deflater != nil) == compresses)
        }
    }
}
