import HTTPTypes
import Testing

@testable import WebSocketProtocol

@Suite struct DeflateParametersTests {
    typealias Options = WebSocketCompression.DeflateOptions

    /// Parses `text` as the header would be.
    static func extensions(_ text: String) throws -> [WebSocketExtension] {
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
