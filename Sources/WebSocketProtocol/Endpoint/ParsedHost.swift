/// The host of a URL (RFC 3986 section 3.2.2): a name, an IPv4 address or, in brackets, an IPv6 address.
struct ParsedHost: Hashable {
    /// Of a DNS name without a final dot (RFC 1035 section 2.3.4).
    private static let longestName = 253

    let text: String
    let zone: String?
    let kind: Endpoint.HostKind

    /// - Parameter bytes: A slice of the URL, so that errors can name the place.
    init(_ bytes: ArraySlice<UInt8>) throws(InvalidEndpoint) {
        guard !bytes.isEmpty else { throw InvalidEndpoint("The URL has no host at byte \(bytes.startIndex).") }
        if bytes.first == UInt8(ascii: "[") {
            try self.init(literal: bytes.dropFirst().dropLast())
        } else if bytes.contains(where: { $0 >= 0x80 }) {
            try Self.checkCharacters(bytes)
            // Nothing as long can be a name: each character takes at most four bytes.
            guard bytes.count <= 4 * Self.longestName else { throw Self.tooLong(bytes.count) }
            let name = try InternationalName.ascii(String(decoding: bytes, as: UTF8.self))
            try self.init(name: Array(name.utf8)[...])
        } else {
            try self.init(name: bytes)
        }
    }

    private init(name bytes: ArraySlice<UInt8>) throws(InvalidEndpoint) {
        try Self.checkCharacters(bytes)
        text = HeaderSyntax.lowercased(String(decoding: bytes, as: UTF8.self))
        zone = nil
        let withoutFinalDot = bytes.last == UInt8(ascii: ".") ? bytes.dropLast() : bytes
        guard (1...Self.longestName).contains(withoutFinalDot.count) else {
            throw Self.tooLong(bytes.count)
        }
        let labels = withoutFinalDot.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        // RFC 1035 section 2.3.1. Who asks a resolver for such a name is told only that there is none.
        guard !labels.contains(where: \.isEmpty) else {
            throw InvalidEndpoint(
                "The URL's host \(HeaderSyntax.quoted(text)) has nothing between two dots, or in front of the first one."
            )
        }
        guard let lastLabel = labels.last, Self.isNumber(lastLabel) else {
            kind = .name
            return
        }
        // Resolvers read `127.1`, `0x7f.1` and `010.0.0.1` as addresses, each in its own way (WHATWG URL, "ends in a
        // number checker"). Only the one form that everybody reads alike is taken.
        guard IPAddress.isIPv4(bytes) else {
            throw InvalidEndpoint(
                "The URL's host \(HeaderSyntax.quoted(text)) ends in a number but is no IPv4 address of the form "
                    + "192.0.2.1.")
        }
        kind = .ipv4
    }

    private static func tooLong(_ count: Int) -> InvalidEndpoint {
        InvalidEndpoint("The URL's host is \(count) bytes long: names have 1 to \(longestName) (RFC 1035).")
    }

    /// Characters outside ASCII are for ``InternationalName`` to judge.
    private static func checkCharacters(_ bytes: ArraySlice<UInt8>) throws(InvalidEndpoint) {
        guard
            let position = bytes.firstIndex(where: {
                $0 < 0x80 && !URLCharacter.isUnreserved($0) && !URLCharacter.isSubDelimiter($0)
            })
        else { return }
        let character = HeaderSyntax.quoted(String(UnicodeScalar(bytes[position])))
        throw InvalidEndpoint(
            "The URL's host has \(character) at byte \(position), which no host name has; an IPv6 address "
                + "goes in brackets.")
    }

    private init(literal bytes: ArraySlice<UInt8>) throws(InvalidEndpoint) {
        let percent = bytes.firstIndex(of: UInt8(ascii: "%"))
        let address = bytes[..<(percent ?? bytes.endIndex)]
        guard IPAddress.isIPv6(address) else {
            let shown = HeaderSyntax.quoted(String(decoding: address, as: UTF8.self))
            throw InvalidEndpoint("\(shown) at byte \(bytes.startIndex) of the URL is no IPv6 address.")
        }
        text = HeaderSyntax.lowercased(String(decoding: address, as: UTF8.self))
        kind = .ipv6
        guard let percent else {
            zone = nil
            return
        }
        // RFC 6874 writes the zone's percent sign as %25; many tools write it bare.
        var zoneBytes = bytes[(percent + 1)...]
        if zoneBytes.count > 2, zoneBytes.starts(with: "25".utf8) { zoneBytes = zoneBytes.dropFirst(2) }
        guard !zoneBytes.isEmpty, zoneBytes.allSatisfy(URLCharacter.isUnreserved) else {
            throw InvalidEndpoint(
                "The zone of the IPv6 address at byte \(bytes.startIndex) of the URL is empty or has a character "
                    + "that no interface name has.")
        }
        zone = String(decoding: zoneBytes, as: UTF8.self)
    }

    private static func isNumber(_ label: ArraySlice<UInt8>) -> Bool {
        let isDecimal = !label.isEmpty && label.allSatisfy { (0x30...0x39).contains($0) }
        let isHexadecimal =
            label.count >= 2 && label.first == UInt8(ascii: "0") && label[label.startIndex + 1] | 0x20 == 0x78
            && label.dropFirst(2).allSatisfy { URLCharacter.hexValue($0) != nil }
        return isDecimal || isHexadecimal
    }
}
