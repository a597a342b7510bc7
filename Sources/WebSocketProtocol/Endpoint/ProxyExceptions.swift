/// The servers that are reached without a proxy: the value of `NO_PROXY`, read as curl (`lib/noproxy.c`) and Go
/// (`golang.org/x/net/http/httpproxy`) do.
///
/// - Blanks and commas separate entries, any number of them.
/// - `*` excepts every server.
/// - `example.com` and `.example.com` except that name and all below it, `*.example.com` only those below.
/// - An address excepts itself, however it is written: `::1`, `[::1]`, `0:0::1`; an IPv4-mapped one is the IPv4 address.
/// - `192.0.2.0/24`, `2001:db8::/32`: all addresses of that network.
/// - A port (`example.com:8443`, `[::1]:8443`) limits an entry to it.
/// - Upper and lower case, and a final dot, make no difference.
///
/// Names are not looked up, so that an address excepts no server that is asked for by its name. Any other entry excepts
/// nothing, as with curl and Go.
///
/// Where the two differ: `.example.com` excepts `example.com` itself with curl and here, not with Go; `localhost` is excepted
/// without an entry by Go only; curl knows neither ports nor `*.`, and takes `*` only when it stands alone.
package struct ProxyExceptions: Sendable {
    fileprivate enum Pattern {
        case everything
        case name(String, includesItself: Bool)
        case network(IPAddress, prefixLength: Int)
    }

    private let entries: [(pattern: Pattern, port: Int?)]

    /// Reads the variable's value. Takes time in proportion to its length, and never fails.
    package init(_ value: some StringProtocol) {
        entries = value.utf8.split { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            .compactMap { Self.entry(Array($0)[...]) }
    }

    /// Tells whether the server is one of them.
    package func contains(_ endpoint: Endpoint) -> Bool {
        let host = Self.withoutFinalDot(endpoint.host)
        let address = endpoint.hostKind == .name ? nil : IPAddress(host)?.unmapped
        return entries.contains { entry in
            if let port = entry.port, port != endpoint.port { return false }
            return switch entry.pattern {
            case .everything: true
            case .network(let network, let length): address?.hasPrefix(network, length: length) ?? false
            case .name(let name, let includesItself):
                address == nil && (includesItself && host == name || host.hasSuffix(".\(name)"))
            }
        }
    }

    private static func entry(_ text: ArraySlice<UInt8>) -> (pattern: Pattern, port: Int?)? {
        if text.elementsEqual("*".utf8) { return (.everything, nil) }
        if let network = network(text) { return (network, nil) }
        var host = text
        var port: Int?
        // Several colons without brackets are an address.
        if text.first == UInt8(ascii: "[") {
            guard let bracket = text.lastIndex(of: UInt8(ascii: "]")) else { return nil }
            host = text[(text.startIndex + 1)..<bracket]
            let rest = text[(bracket + 1)...]
            if !rest.isEmpty {
                guard rest.first == UInt8(ascii: ":"), let number = number(rest.dropFirst()) else {
                    return nil
                }
                port = number
            }
            return address(host).map { ($0, port) }
        }
        if let address = address(text) { return (address, nil) }
        if let colon = text.lastIndex(of: UInt8(ascii: ":")) {
            guard let number = number(text[(colon + 1)...]) else { return nil }
            host = text[..<colon]
            port = number
        }
        return (address(host) ?? name(host)).map { ($0, port) }
    }

    private static func address(_ text: ArraySlice<UInt8>) -> Pattern? {
        // A zone means something to this machine only, and the server is asked for with or without.
        IPAddress(text.prefix { $0 != UInt8(ascii: "%") })?.unmapped.pattern
    }

    private static func network(_ text: ArraySlice<UInt8>) -> Pattern? {
        guard let slash = text.lastIndex(of: UInt8(ascii: "/")) else { return nil }
        var host = text[..<slash]
        if host.first == UInt8(ascii: "["), host.last == UInt8(ascii: "]") { host = host.dropFirst().dropLast() }
        guard let address = IPAddress(host), let length = number(text[(slash + 1)...])
        else { return nil }
        let unmapped = address.unmapped
        let shortened = length - (address.bytes.count - unmapped.bytes.count) * 8
        return shortened >= 0
            ? .network(unmapped, prefixLength: shortened) : .network(address, prefixLength: length)
    }

    private static func name(_ text: ArraySlice<UInt8>) -> Pattern? {
        var text = text
        let isWildcard = text.starts(with: "*.".utf8)
        if isWildcard { text = text.dropFirst() }
        if text.first == UInt8(ascii: ".") { text = text.dropFirst() }
        guard let host = try? ParsedHost(text), host.kind == .name else { return nil }
        return .name(withoutFinalDot(host.text), includesItself: !isWildcard)
    }

    private static func withoutFinalDot(_ name: String) -> String {
        name.hasSuffix(".") ? String(name.dropLast()) : name
    }

    /// At most five digits, so that no number is too large to be read. One that no port or prefix has matches nothing.
    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        guard (1...5).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }
}

extension IPAddress {
    fileprivate var pattern: ProxyExceptions.Pattern { .network(self, prefixLength: bytes.count * 8) }
}
