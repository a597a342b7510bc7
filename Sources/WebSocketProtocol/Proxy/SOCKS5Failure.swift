/// The reason why a SOCKS5 proxy gives no tunnel. The connection to it is to be closed.
package struct SOCKS5Failure: Error, Hashable {
    package enum Reason: Hashable, Sendable {
        case notSOCKS5(firstByte: UInt8)
        case noAcceptableMethod(credentialsOffered: Bool)
        case unofferedMethod(UInt8)
        case credentialsRefused(status: UInt8)
        /// The code of RFC 1928 section 6.
        case refused(reply: UInt8)
        case malformedAnswer(String)
        case answerBeforeQuestion
    }

    package let reason: Reason

    init(_ reason: Reason) {
        self.reason = reason
    }
}

extension SOCKS5Failure: CustomStringConvertible {
    package var description: String {
        switch reason {
        case .notSOCKS5(UInt8(ascii: "H")):
            "The proxy does not speak SOCKS5, but perhaps HTTP: its answer begins with an H."
        case .notSOCKS5(let byte):
            "The proxy does not speak SOCKS5: its answer begins with byte \(byte) instead of 5 (RFC 1928 section 3)."
        case .noAcceptableMethod(credentialsOffered: false):
            "The proxy wants authentication, and no user name and password are configured for it (RFC 1928 section 3)."
        case .noAcceptableMethod(credentialsOffered: true):
            "The proxy accepts neither a user name with a password nor no authentication (RFC 1928 section 3)."
        case .unofferedMethod(let method):
            "The proxy chose authentication method \(method), which was not offered (RFC 1928 section 3)."
        case .credentialsRefused(let status):
            "The proxy refused the user name or the password: status \(status) (RFC 1929 section 2)."
        case .refused(let reply):
            "The proxy did not connect: \(Self.meaning(ofReply: reply)) (reply \(reply), RFC 1928 section 6)."
        case .malformedAnswer(let detail):
            "The proxy's answer breaks SOCKS5: \(detail)."
        case .answerBeforeQuestion:
            "The proxy's answer breaks SOCKS5: it goes on before it was asked."
        }
    }

    private static func meaning(ofReply reply: UInt8) -> String {
        switch reply {
        case 1: "general failure of the proxy"
        case 2: "its rules do not allow this connection"
        case 3: "the server's network is unreachable for it"
        case 4: "the server is unreachable for it, or it does not find the server's name"
        case 5: "the server refused the connection"
        case 6: "the way to the server is too long (TTL expired)"
        case 7: "it does not know the command CONNECT"
        case 8: "it does not know this type of address"
        default: "the reason has no meaning in SOCKS5"
        }
    }
}
