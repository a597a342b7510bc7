internal import LibC

/// The name that the server's certificate must carry: a DNS name or an IP address, told apart and validated here.
///
/// OpenSSL would read an empty name as "check nothing" and one that begins with a dot as "any subdomain"
/// (`X509_VERIFY_PARAM_set1_host(3)`), so neither may reach it.
enum TLSPeerName: Hashable, Sendable {
    /// ASCII in lower case, without the trailing dot of an absolute name.
    case dnsName(String)
    /// An address in its shortest text form and as 4 or 16 bytes in network order.
    case ipAddress(String, bytes: [UInt8])

    /// - Parameter host: A DNS name in ASCII (`xn--` for an internationalised one), an IPv4 address with four decimal
    ///   parts, or an IPv6 address without brackets; a zone (`%eth0`) is left out of the comparison.
    init(_ host: String) throws(WebSocketError) {
        if let address = Self.address(host) {
            self = address
        } else {
            self = .dnsName(try Self.validatedDNSName(host))
        }
    }

    var text: String {
        switch self {
        case .dnsName(let name): name
        case .ipAddress(let address, _): address
        }
    }

    static func isAddress(_ text: String) -> Bool { address(text) != nil }

    private static func address(_ host: String) -> TLSPeerName? {
        let isV6 = host.contains(":")
        let withoutZone = isV6 ? String(host.prefix { $0 != "%" }) : host
        let family = isV6 ? AF_INET6 : AF_INET
        var bytes = [UInt8](repeating: 0, count: isV6 ? 16 : 4)
        // A NUL would end the text early for C.
        guard !withoutZone.utf8.contains(0), unsafe inet_pton(family, withoutZone, &bytes) == 1,
            let text = X509Reading.text(ofAddress: bytes)
        else { return nil }
        return .ipAddress(text, bytes: bytes)
    }

    private static func validatedDNSName(_ host: String) throws(WebSocketError) -> String {
        let name = host.hasSuffix(".") ? String(host.dropLast()) : host
        let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let problem: String? =
            if name.isEmpty {
                "it is empty"
            } else if !name.utf8.allSatisfy({ $0 < 0x80 }) {
                "it is not ASCII; write an internationalised name in its xn-- form (RFC 5890)"
            } else if name.utf8.count > 253 {
                "it is longer than 253 characters (RFC 1035 section 2.3.4)"
            } else if labels.contains(where: \.isEmpty) {
                "it has an empty label"
            } else if labels.contains(where: { $0.count > 63 }) {
                "it has a label longer than 63 characters (RFC 1035 section 2.3.4)"
            } else if !labels.allSatisfy({ $0.allSatisfy(isNameByte) }) {
                "it contains a character that no host name has"
            } else if labels.last?.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) == true {
                "it looks like an IP address but is none; write all four parts in decimal"
            } else {
                nil
            }
        if let problem {
            let shown = String(host.unicodeScalars.prefix(300).map { $0.value < 0x20 ? "?" : Character($0) })
            throw .invalidTLSConfiguration("\"\(shown)\" cannot be verified as the name of a TLS server: \(problem).")
        }
        return name.lowercased()
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
