import HTTPTypes
import Testing

@testable import WebSocketProtocol

/// The client's check of the answer.
@Suite struct DeflateParametersAnswerTests {
    typealias Options = DeflateParametersTests.Options

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
                agreed: DeflateParametersTests.extensions(answer), offered: [DeflateParameters(offering: options).offer]
            ))
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
        arguments: DeflateParametersTests.invalid + [
            ("client_max_window_bits", .valueMissing("client_max_window_bits"))
        ])
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
        let offered = try DeflateParametersTests.extensions(
            "permessage-deflate; server_max_window_bits=10, permessage-deflate")
        let agreed = try DeflateParameters(
            agreed: DeflateParametersTests.extensions("permessage-deflate"), offered: offered)
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
        let (answered, offers) = (
            try DeflateParametersTests.extensions(answer), try DeflateParametersTests.extensions(offered)
        )
        let violation = #expect(throws: HandshakeViolation.self, sourceLocation: sourceLocation) {
            try DeflateParameters(agreed: answered, offered: offers)
        }
        let first = try #require(answered.first).description
        #expect(violation?.rule == .deflateParameters(first, problem), sourceLocation: sourceLocation)
        #expect(violation?.description.contains("\(problem)") == true, sourceLocation: sourceLocation)
    }
}
