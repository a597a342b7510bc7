/// An address as it is written in a URL (RFC 3986 section 3.2.2, RFC 4291 section 2.2), read into its bytes.
package struct IPAddress: Hashable, Sendable {
    /// 4 for IPv4, 16 for IPv6, in network order.
    package let bytes: [UInt8]

    /// Reads either form, IPv6 without brackets and zone.
    package init?(_ text: some StringProtocol) {
        self.init(Array(text.utf8)[...])
    }

    init?(_ text: ArraySlice<UInt8>) {
        guard let bytes = Self.ipv4(text) ?? Self.ipv6(text) else { return nil }
        self.bytes = bytes
    }

    /// The IPv4 address behind an IPv4-mapped one (RFC 4291 section 2.5.5.2); any other as it is.
    package var unmapped: IPAddress {
        bytes.starts(with: Self.mappedPrefix) && bytes.count == 16 ? IPAddress(bytes: Array(bytes.suffix(4))) : self
    }

    private static let mappedPrefix = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Tells whether the first `length` bits are those of `network`, an address of the same family.
    package func hasPrefix(_ network: IPAddress, length: Int) -> Bool {
        guard bytes.count == network.bytes.count, (0...bytes.count * 8).contains(length) else { return false }
        let (whole, rest) = length.quotientAndRemainder(dividingBy: 8)
        guard bytes.prefix(whole) == network.bytes.prefix(whole) else { return false }
        return rest == 0 || (bytes[whole] ^ network.bytes[whole]) >> (8 - rest) == 0
    }

    static func isIPv4(_ text: ArraySlice<UInt8>) -> Bool { ipv4(text) != nil }
    static func isIPv6(_ text: ArraySlice<UInt8>) -> Bool { ipv6(text) != nil }

    private static func ipv4(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.count <= "255.255.255.255".utf8.count else { return nil }
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bytes: [UInt8] = []
        for part in parts {
            guard (1...3).contains(part.count), part.allSatisfy({ (0x30...0x39).contains($0) }),
                part.count == 1 || part.first != UInt8(ascii: "0"),
                let value = UInt8(exactly: part.reduce(0) { $0 * 10 + Int($1 - 0x30) })
            else { return nil }
            bytes.append(value)
        }
        return bytes
    }

    private static func ipv6(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.count <= "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255".utf8.count else { return nil }
        let gap = text.indices.dropLast().first { text[$0...].starts(with: "::".utf8) }
        guard let gap else {
            let bytes = groups(text, mayEndInIPv4: true)
            return bytes?.count == 16 ? bytes : nil
        }
        // A second gap leaves an empty group behind, which is none.
        let head = text[..<gap]
        let tail = text[(gap + 2)...]
        guard let before = head.isEmpty ? [] : groups(head, mayEndInIPv4: false),
            let after = tail.isEmpty ? [] : groups(tail, mayEndInIPv4: true), before.count + after.count <= 14
        else { return nil }
        return before + [UInt8](repeating: 0, count: 16 - before.count - after.count) + after
    }

    /// The bytes of the groups of 16 bits that the colon-separated text stands for.
    private static func groups(_ text: ArraySlice<UInt8>, mayEndInIPv4: Bool) -> [UInt8]? {
        let groups = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        var bytes: [UInt8] = []
        for (index, group) in groups.enumerated() {
            if (1...4).contains(group.count), group.allSatisfy({ URLCharacter.hexValue($0) != nil }) {
                let value = group.reduce(UInt16(0)) { $0 << 4 | UInt16(URLCharacter.hexValue($1) ?? 0) }
                bytes += [UInt8(value >> 8), UInt8(value & 0xFF)]
            } else if mayEndInIPv4, index == groups.count - 1, let address = ipv4(group) {
                bytes += address
            } else {
                return nil
            }
        }
        return bytes
    }
}
