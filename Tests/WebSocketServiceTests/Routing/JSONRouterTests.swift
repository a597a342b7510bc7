import Foundation
import Testing
import WebSocketTesting

@testable import WebSocketService

@Suite struct JSONRouterTests {
    private func route(_ text: String, key: String = "socketType") -> String? {
        JSONRouter(routeKey: key).route(of: .text(text))
    }

    @Test(
        "The route is found in any valid JSON object, wherever and however its key is written",
        arguments: [
            (#"{"socketType":"mapData"}"#, "mapData"),
            (" {\t\"socketType\" :  \"mapData\" , \"x\":1}", "mapData"),
            ("{\r\n\"socketType\"\r\n:\r\n\"mapData\"\r\n}", "mapData"),
            (#"{"a":1,"socketType":"mapData"}"#, "mapData"),
            (#"{"a":{"socketType":"inner"},"socketType":"outer"}"#, "outer"),
            (#"{"a":[{"socketType":"inner"},["socketType"]],"socketType":"outer"}"#, "outer"),
            (#"{"a":"socketType","socketType":"b"}"#, "b"),
            (#"{"a":"\"socketType\":\"no\"","socketType":"yes"}"#, "yes"),
            (#"{"a":"\\","socketType":"yes"}"#, "yes"),
            (#"{"a":"}]{[","socketType":"yes"}"#, "yes"),
            (#"{"socketType":"first","socketType":"second"}"#, "first"),
            (#"{"socket\u0054ype":"escaped key"}"#, "escaped key"),
            (#"{"\u0073\u006f\u0063\u006B\u0065\u0074\u0054\u0079\u0070\u0065":"x"}"#, "x"),
            (#"{"socketType\n":"no","socketType":"yes"}"#, "yes"),
            (#"{"socketType":"a\"b\\c\/d\b\f\n\r\te"}"#, "a\"b\\c/d\u{8}\u{c}\n\r\te"),
            (#"{"socketType":"\u00e9\u20AC\ud83d\ude00"}"#, "é€😀"),
            (#"{"socketType":"é€😀"}"#, "é€😀"),
            (#"{"socketType":""}"#, ""),
            (
                #"{"socketType":"a route that is far longer than a small string"}"#,
                "a route that is far longer than a small string"
            ),
            (#"{"socketType":10}"#, "10"),
            (#"{"socketType":-1.5e+3}"#, "-1.5e+3"),
            (#"{"socketType":true}"#, "true"),
            (#"{"socketType":false ,"a":1}"#, "false"),
            (#"{"socketType":null}"#, "null"),
            ("\u{FEFF}{\"socketType\":\"after a byte order mark\"}", "after a byte order mark"),
            (#"{"socketType":"\ud83d"}"#, "\u{FFFD}"),
            (#"{"socketType":"\ud83dx\ude00"}"#, "\u{FFFD}x\u{FFFD}"),
            (#"{"socketType":"\ud83d\ud83d\ude00"}"#, "\u{FFFD}😀"),
        ])
    func findsTheRoute(text: String, expected: String) {
        #expect(route(text) == expected)
    }

    @Test(
        "A message without a route has none",
        arguments: [
            "", " ", "{}", "[]", "[{\"socketType\":\"in an array\"}]", "\"socketType\"", "12", "null",
            #"{"a":1}"#, #"{"a":{"socketType":"inner"}}"#, #"{"SocketType":"case matters"}"#,
            #"{"socketType":{"an":"object"}}"#, #"{"socketType":["an array"]}"#,
            #"{"socketType":{"a":1},"socketType":"the first one wins, and is no route"}"#,
        ])
    func messagesWithoutARouteHaveNone(text: String) {
        #expect(route(text) == nil)
    }

    @Test(
        "Broken JSON has no route",
        arguments: [
            "{", "{\"", "{\"socketType", "{\"socketType\"", "{\"socketType\":", "{\"socketType\":\"",
            "{\"socketType\":\"a",
            "{\"socketType\":\"a\\", "{\"socketType\":\"a\\\"", #"{"socketType":"\q"}"#, #"{"socketType":"\u12"}"#,
            #"{"socketType":"\u12G4"}"#, #"{"socketType":"\ud83d\u"}"#, #"{socketType:"a"}"#,
            #"{"a" "socketType":"b"}"#,
            #"{"a":,"socketType":"b"}"#, #"{"a":1 "socketType":"b"}"#, #"{,"socketType":"b"}"#,
            #"{"a":[1,"socketType":"b"}"#,
            #"{"socketType":}"#, #"{"socketType":,"a":1}"#, "}", "]", "\\", #"{"a":"\"#,
        ])
    func brokenJSONHasNoRouteAndIsNeverReadBeyondItsEnd(text: String) {
        #expect(route(text) == nil)
    }

    @Test("Every beginning of a message is safe to read") func everyPrefixOfAMessageIsSafeToRead() {
        let bytes = Array(
            #"{"a\u00e9":[{"b":"c\\"},1.5e3],"n":null,"socket\u0054ype":"é\ud83d\ude00 and more text"}"#.utf8)
        for end in bytes.indices {
            _ = JSONRouter().route(of: .binary(bytes[..<end]))
        }
        #expect(JSONRouter().route(of: .binary(bytes)) == "é😀 and more text")
    }

    @Test("A slice that does not start at zero is read right") func aSliceThatDoesNotStartAtZeroIsReadRight() {
        let bytes = Array(#"xxxx{"a":1,"socketType":"b"}yyyy"#.utf8)
        let message = WebSocketMessage(kind: .text, validatedPayload: bytes[4..<(bytes.count - 4)])
        #expect(JSONRouter().route(of: message) == "b")
        #expect(JSONRouter().correlated(message, proposedID: 5)?.message.text == #"{"id":5,"a":1,"socketType":"b"}"#)
    }

    @Test("Deep nesting costs no stack") func deepNestingCostsNoStack() {
        let depth = 1_000_000
        let text = "{\"a\":" + String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        #expect(route(text + ",\"socketType\":\"deep\"}") == "deep")
        #expect(route(text) == nil)
    }

    @Test(
        "The key of the route can be chosen",
        arguments: [
            ("op", #"{"op":10,"d":null}"#, "10"), ("a\"b", #"{"a\"b":"quoted"}"#, "quoted"),
            ("é", #"{"\u00e9":"x"}"#, "x"),
            ("", #"{"":"empty"}"#, "empty"),
        ])
    func theKeyIsConfigurable(key: String, text: String, expected: String) {
        #expect(route(text, key: key) == expected)
    }

    /// Against Foundation: random documents, valid by construction, in which no key occurs twice.
    @Test("The router agrees with JSONSerialization on random documents", arguments: 0..<20)
    func agreesWithJSONSerializationOnRandomDocuments(seed: UInt64) throws {
        var generator = RandomJSON(seed: seed)
        for _ in 0..<500 {
            let text = generator.object(routeKey: "socketType")
            let parsed = try #require(
                try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "\(text)")
            let actual = route(text)
            switch parsed["socketType"] {
            case let string as String:
                #expect(actual == string, "\(text)")
            case is NSNull:
                #expect(actual == "null", "\(text)")
            case let number as NSNumber:
                let value = actual == "true" ? 1 : actual == "false" ? 0 : actual.flatMap(Double.init)
                #expect(value == number.doubleValue, "\(text)")
            default:
                #expect(actual == nil, "\(text)")
            }
        }
    }

    @Test(
        "A request gets a correlation ID unless it has one",
        arguments: [
            (#"{"a":1}"#, #"{"id":7,"a":1}"#, "7"),
            ("{}", #"{"id":7}"#, "7"),
            (" { } ", #" {"id":7 } "#, "7"),
            (#"{"a":1,"id":"mine"}"#, #"{"a":1,"id":"mine"}"#, "mine"),
            (#"{"id":42}"#, #"{"id":42}"#, "42"),
        ])
    func requestsGetACorrelationIDUnlessTheyHaveOne(text: String, expected: String, id: String) throws {
        let request = try #require(JSONRouter().correlated(.text(text), proposedID: 7))
        #expect(request.message.text == expected)
        #expect(request.id == id)
        #expect(JSONRouter().correlationID(of: request.message) == id)
    }

    @Test("A message that is no object cannot carry a correlation ID", arguments: ["", "[]", "12", "\"text\""])
    func whatIsNoObjectCannotCarryACorrelationID(text: String) {
        #expect(JSONRouter().correlated(.text(text), proposedID: 7) == nil)
    }

    @Test("The correlation key is escaped in the request") func aCorrelationKeyIsEscapedInTheRequest() throws {
        let router = JSONRouter(correlationKey: "i\"\n\\d")
        let request = try #require(router.correlated(.text(#"{"a":1}"#), proposedID: 7))
        let parsed = try JSONSerialization.jsonObject(with: Data(request.message.payload)) as? [String: Int]
        #expect(parsed == ["a": 1, "i\"\n\\d": 7])
    }

    @Test("A closure routes messages of other formats, and correlates none") func aClosureRoutesOtherFormats() {
        let router: some MessageRouter = .custom { $0.payload.first.map { "type \($0)" } }
        #expect(router.route(of: .binary([3, 1, 4])) == "type 3")
        #expect(router.route(of: .binary([])) == nil)
        #expect(router.correlationID(of: .binary([3])) == nil)
        #expect(router.correlated(.binary([3]), proposedID: 1) == nil)
    }
}

/// Makes JSON texts with everything the grammar allows.
private struct RandomJSON {
    private var generator: SeededGenerator

    init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
    }

    mutating func object(routeKey: String) -> String {
        var keys = (0..<Int.random(in: 0...6, using: &generator)).map { "k\($0)\(text())" }
        if Int.random(in: 0..<8, using: &generator) > 0 {
            keys.insert(routeKey, at: Int.random(in: 0...keys.count, using: &generator))
        }
        let members = keys.map { "\(space())\(string($0))\(space()):\(space())\(value(depth: 3))\(space())" }
        return "\(space()){\(members.isEmpty ? space() : members.joined(separator: ","))}\(space())"
    }

    private mutating func value(depth: Int) -> String {
        switch Int.random(in: 0..<(depth > 0 ? 10 : 7), using: &generator) {
        case 0...2:
            let text = text()
            return string(text)
        case 3: return String(Int.random(in: -1_000_000...1_000_000, using: &generator))
        // Binary fractions: Foundation's parser is off by some units in the last place on others.
        case 4: return "\(Double(Int.random(in: -1_000_000...1_000_000, using: &generator)) / 8)"
        case 5: return ["true", "false", "null"].randomElement(using: &generator)!
        case 6: return ["1e5", "-0", "0.25E-3", "12e+2"].randomElement(using: &generator)!
        case 7, 8:
            let members = (0..<Int.random(in: 0...3, using: &generator)).map {
                "\(string("m\($0)"))\(space()):\(value(depth: depth - 1))"
            }
            return "{\(space())\(members.joined(separator: "\(space()),"))}"
        default:
            let elements = (0..<Int.random(in: 0...3, using: &generator)).map { _ in value(depth: depth - 1) }
            return "[\(space())\(elements.joined(separator: ",\(space())"))]"
        }
    }

    private mutating func text() -> String {
        let scalars: [Unicode.Scalar] = [
            "a", "Z", "0", "\"", "\\", "/", "{", "}", "[", "]", ":", ",", " ", "\n", "\t", "\u{8}", "\u{c}", "\u{1}",
            "é", "€",
            "😀",
        ]
        var text = ""
        for _ in 0..<Int.random(in: 0...20, using: &generator) {
            text.unicodeScalars.append(scalars.randomElement(using: &generator)!)
        }
        return text
    }

    /// A JSON string in which each character that may be escaped sometimes is.
    private mutating func string(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            let mustEscape = scalar.value < 0x20 || scalar == "\"" || scalar == "\\"
            guard mustEscape || Int.random(in: 0..<5, using: &generator) == 0 else {
                result.unicodeScalars.append(scalar)
                continue
            }
            let short: [Unicode.Scalar: String] = [
                "\"": "\\\"", "\\": "\\\\", "/": "\\/", "\n": "\\n", "\t": "\\t", "\u{8}": "\\b", "\u{c}": "\\f",
            ]
            if let escape = short[scalar], Bool.random(using: &generator) {
                result += escape
            } else {
                for unit in String(scalar).utf16 { result += String(format: "\\u%04X", Int(unit)) }
            }
        }
        return result + "\""
    }

    private mutating func space() -> String {
        ["", "", "", " ", "\n", "\t\r "].randomElement(using: &generator)!
    }
}
