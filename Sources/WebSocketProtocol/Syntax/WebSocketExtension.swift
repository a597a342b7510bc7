/// One member of `Sec-WebSocket-Extensions`: an extension with its parameters, offered or agreed on (RFC 6455
/// section 9.1).
public struct WebSocketExtension: Hashable, Sendable {
    /// One parameter of an extension: `server_max_window_bits=10`, or `server_no_context_takeover` without a value.
    public struct Parameter: Hashable, Sendable {
        /// The parameter's name, a token (RFC 9110 section 5.6.2).
        public let name: String
        /// The parameter's value; `nil` for a parameter without one.
        public let value: String?

        /// A parameter, with or without a value.
        public init(_ name: String, _ value: String? = nil) {
            self.name = name
            self.value = value
        }
    }

    /// The registered name, such as `permessage-deflate`.
    public let name: String
    /// The parameters, in the order of the header.
    public let parameters: [Parameter]

    /// An extension by its name in the IANA registry.
    public init(_ name: String, parameters: [Parameter] = []) {
        self.name = name
        self.parameters = parameters
    }
}

extension WebSocketExtension: CustomStringConvertible {
    /// The text in the header: `permessage-deflate; client_max_window_bits=15`.
    public var description: String {
        parameters.reduce(name) { text, parameter in
            "\(text); \(parameter.name)\(parameter.value.map { "=\($0)" } ?? "")"
        }
    }

    /// ``description`` is what RFC 6455 section 9.1 allows: tokens throughout.
    var isWellFormed: Bool {
        HeaderSyntax.isToken(name)
            && parameters.allSatisfy { HeaderSyntax.isToken($0.name) && $0.value.map(HeaderSyntax.isToken) ?? true }
    }

    /// Reads one line of the header.
    /// - Returns: `nil` when it breaks the grammar. A quoted value must be a token after unquoting it.
    static func parse(_ value: String) -> [WebSocketExtension]? {
        var parser = ExtensionListParser(value)
        return parser.parse()
    }
}

private struct ExtensionListParser {
    private var rest: ArraySlice<UInt8>

    init(_ value: String) {
        rest = Array(value.utf8)[...]
    }

    mutating func parse() -> [WebSocketExtension]? {
        var extensions: [WebSocketExtension] = []
        repeat {
            skipBlanks()
            // RFC 9110 section 5.6.1.2: empty members are to be accepted.
            if rest.isEmpty || rest.first == UInt8(ascii: ",") { continue }
            guard let name = token(), let parameters = parameters() else { return nil }
            extensions.append(WebSocketExtension(name, parameters: parameters))
        } while skip(UInt8(ascii: ","))
        return rest.isEmpty ? extensions : nil
    }

    private mutating func parameters() -> [WebSocketExtension.Parameter]? {
        var parameters: [WebSocketExtension.Parameter] = []
        while skip(UInt8(ascii: ";")) {
            skipBlanks()
            guard let name = token() else { return nil }
            guard skip(UInt8(ascii: "=")) else {
                parameters.append(.init(name))
                continue
            }
            skipBlanks()
            guard let value = rest.first == UInt8(ascii: "\"") ? quotedToken() : token() else { return nil }
            parameters.append(.init(name, value))
        }
        return parameters
    }

    private mutating func token() -> String? {
        let token = rest.prefix(while: HeaderSyntax.isTokenCharacter)
        guard !token.isEmpty else { return nil }
        rest = rest[token.endIndex...]
        return String(decoding: token, as: UTF8.self)
    }

    private mutating func quotedToken() -> String? {
        rest.removeFirst()
        var text: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""):
                let value = String(decoding: text, as: UTF8.self)
                return HeaderSyntax.isToken(value) ? value : nil
            case UInt8(ascii: "\\"):
                guard let escaped = rest.popFirst() else { return nil }
                text.append(escaped)
            default:
                text.append(byte)
            }
        }
        return nil
    }

    private mutating func skipBlanks() {
        rest = rest.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    }

    private mutating func skip(_ separator: UInt8) -> Bool {
        skipBlanks()
        guard rest.first == separator else { return false }
        rest.removeFirst()
        return true
    }
}
