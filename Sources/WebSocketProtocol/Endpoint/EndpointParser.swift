/// Takes a URL apart (RFC 3986 section 3), byte by byte and without changing any.
struct EndpointParser {
    struct Origin {
        let isSecure: Bool
        let host: ParsedHost
        let port: Int?
        let credentials: Endpoint.Credentials?
    }

    private let bytes: [UInt8]
    /// The name of the text in errors: the URL, or a path alone.
    private let subject: String
    private var offset = 0

    init(_ text: String, subject: String = "URL") {
        bytes = Array(text.utf8)
        self.subject = subject
    }

    mutating func endpoint() throws(InvalidEndpoint) -> Endpoint {
        try checkCharacters(bytes[...], allowsUnicode: true)
        let origin = try origin()
        return Endpoint(
            isSecure: origin.isSecure,
            host: origin.host,
            port: origin.port,
            target: try target(),
            credentials: origin.credentials
        )
    }

    /// Everything in front of the path.
    mutating func origin() throws(InvalidEndpoint) -> Origin {
        let isSecure = try isSecure()
        return try authority(isSecure: isSecure)
    }

    /// Host, port and credentials of a URL with one of these schemes, each of which has a port of its own.
    mutating func authority(defaultPorts: KeyValuePairs<String, Int>) throws(InvalidEndpoint) -> Endpoint {
        try checkCharacters(bytes[...], allowsUnicode: true)
        let name = try scheme("\(defaultPorts[0].key)://")
        guard let defaultPort = defaultPorts.first(where: { $0.key == name })?.value else {
            let known = defaultPorts.map(\.key).joined(separator: ", ")
            throw InvalidEndpoint(
                "The URL's scheme is \(HeaderSyntax.quoted(name)): only \(known) can be used.")
        }
        let authority = try authority(isSecure: false)
        guard ["", "/"].contains(String(decoding: bytes[offset...], as: UTF8.self)) else {
            // Not quoted: it may be the end of a password with an unescaped character.
            throw InvalidEndpoint(
                "The URL goes on behind host and port at byte \(offset), where nothing is expected; percent-encode /, ? and # "
                    + "in a user name or password.")
        }
        return Endpoint(
            isSecure: false, host: authority.host, port: authority.port ?? defaultPort, target: "/",
            credentials: authority.credentials)
    }

    private mutating func authority(isSecure: Bool) throws(InvalidEndpoint) -> Origin {
        let authority = bytes[offset...].prefix { !"/?#".utf8.contains($0) }
        // A host may be an international name; the other parts check themselves.
        try checkCharacters(authority, allowsUnicode: true)
        let userEnd = authority.lastIndex(of: UInt8(ascii: "@"))
        let credentials = try userEnd.map { end throws(InvalidEndpoint) in try self.credentials(authority[..<end]) }
        let hostAndPort = userEnd.map { authority[($0 + 1)...] } ?? authority
        let portStart = try portStart(hostAndPort)
        let host = try ParsedHost(hostAndPort[..<portStart])
        let port = try port(hostAndPort[portStart...])
        offset = authority.endIndex
        return Origin(isSecure: isSecure, host: host, port: port, credentials: credentials)
    }

    /// Path and query: the rest of the URL.
    func target() throws(InvalidEndpoint) -> String {
        let rest = bytes[offset...]
        try checkCharacters(rest)
        if let fragment = rest.firstIndex(of: UInt8(ascii: "#")) {
            throw InvalidEndpoint(
                "The \(subject) has a fragment at byte \(fragment): a WebSocket URL must not (RFC 6455 section 3). "
                    + "Write %23 for a # that belongs to the path or the query.")
        }
        let text = String(decoding: rest, as: UTF8.self)
        return rest.first == UInt8(ascii: "/") ? text : "/\(text)"
    }

    /// Refuses the characters that are allowed nowhere in a URL (RFC 3986 section 2).
    private func checkCharacters(
        _ bytes: ArraySlice<UInt8>, allowsUnicode: Bool = false
    ) throws(InvalidEndpoint) {
        guard
            let position = bytes.firstIndex(where: { !(0x21...0x7E).contains($0) && !(allowsUnicode && $0 >= 0x80) })
        else { return }
        let what =
            switch bytes[position] {
            case 0x20: "a space"
            case 0x80...: "a character that is not ASCII"
            default: "a control character"
            }
        throw InvalidEndpoint(
            "The \(subject) has \(what) at byte \(position): percent-encode it (RFC 3986 section 2.1).")
    }

    private mutating func isSecure() throws(InvalidEndpoint) -> Bool {
        let name = try scheme("wss:// or ws://")
        switch name {
        case "wss", "https": return true
        case "ws", "http": return false
        default:
            throw InvalidEndpoint(
                "The URL's scheme is \(HeaderSyntax.quoted(name)): only wss and ws (https and http) can be used.")
        }
    }

    private mutating func scheme(_ expected: String) throws(InvalidEndpoint) -> String {
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), bytes[colon...].starts(with: "://".utf8) else {
            throw InvalidEndpoint("The URL does not begin with \(expected).")
        }
        offset = colon + 3
        return HeaderSyntax.lowercased(String(decoding: bytes[..<colon], as: UTF8.self))
    }

    private func credentials(_ bytes: ArraySlice<UInt8>) throws(InvalidEndpoint) -> Endpoint.Credentials {
        if let position = bytes.firstIndex(where: { !URLCharacter.isUserInfo($0) }) {
            throw InvalidEndpoint(
                "The user name or password in the URL has a character at byte \(position) that must be "
                    + "percent-encoded (RFC 3986 section 3.2.1).")
        }
        let colon = bytes.firstIndex(of: UInt8(ascii: ":"))
        guard let user = URLCharacter.percentDecoded(bytes[..<(colon ?? bytes.endIndex)]),
            let password = URLCharacter.percentDecoded(colon.map { bytes[($0 + 1)...] } ?? [])
        else {
            throw InvalidEndpoint("The user name or password in the URL is not percent-encoded UTF-8.")
        }
        guard !user.utf8.contains(UInt8(ascii: ":")),
            (user + password).utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
        else {
            throw InvalidEndpoint(
                "The user name in the URL has a colon, or it or the password a control character: Basic "
                    + "authorization cannot carry that (RFC 7617 section 2).")
        }
        return Endpoint.Credentials(user: user, password: password)
    }

    /// Returns the position of the colon in front of the port; the end of `hostAndPort` when there is none.
    private func portStart(_ hostAndPort: ArraySlice<UInt8>) throws(InvalidEndpoint) -> Int {
        guard hostAndPort.first == UInt8(ascii: "[") else {
            let colons = hostAndPort.indices.filter { hostAndPort[$0] == UInt8(ascii: ":") }
            guard colons.count <= 1 else {
                throw InvalidEndpoint(
                    "The URL's host at byte \(hostAndPort.startIndex) has several colons: an IPv6 "
                        + "address goes in brackets, as in wss://[::1]/.")
            }
            return colons.first ?? hostAndPort.endIndex
        }
        guard let bracket = hostAndPort.lastIndex(of: UInt8(ascii: "]")) else {
            throw InvalidEndpoint("The URL's host has an opening bracket at byte \(hostAndPort.startIndex) only.")
        }
        let end = bracket + 1
        guard end == hostAndPort.endIndex || hostAndPort[end] == UInt8(ascii: ":") else {
            throw InvalidEndpoint("The URL has neither a port nor a path after the bracket at byte \(bracket).")
        }
        return end
    }

    private func port(_ bytes: ArraySlice<UInt8>) throws(InvalidEndpoint) -> Int? {
        let digits = bytes.dropFirst()
        // RFC 3986 section 3.2.3: a colon without a port is the default port.
        guard !digits.isEmpty else { return nil }
        guard digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = Int(String(decoding: digits, as: UTF8.self)), (1...65535).contains(port)
        else {
            // Not quoted: behind `user:` it may be a password with an unescaped slash.
            throw InvalidEndpoint("The URL's port at byte \(digits.startIndex) is not a number from 1 to 65535.")
        }
        return port
    }
}
