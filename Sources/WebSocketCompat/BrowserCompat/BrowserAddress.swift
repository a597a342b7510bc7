internal import Foundation
internal import LibWebSockets

/// The URL that a socket is made with, checked as the standard's constructor does.
struct BrowserAddress {
    let url: String
    let origin: String

    init(_ text: String) throws(BrowserException) {
        // The URL parser strips these (URL Standard, section 4.4).
        let trimmed = text.trimmingCharacters(in: CharacterSet(charactersIn: "\u{0}"..."\u{20}"))
        let endpoint: Endpoint
        do {
            endpoint = try Endpoint(trimmed)
        } catch {
            throw BrowserException(name: .syntaxError, message: error.message)
        }
        let standardPort = endpoint.isSecure ? 443 : 80
        let host = endpoint.host.contains(":") ? "[\(endpoint.host)]" : endpoint.host
        let port = endpoint.port == standardPort ? "" : ":\(endpoint.port)"
        let scheme = endpoint.isSecure ? "wss" : "ws"
        origin = "\(scheme)://\(host)\(port)"
        let credentials = endpoint.credentials.map { _ in Self.credentials(in: trimmed) } ?? ""
        url = "\(scheme)://\(credentials)\(host)\(port)\(endpoint.target)"
    }

    /// As they are spelled.
    private static func credentials(in url: String) -> String {
        let authority = url.drop { $0 != "/" }.dropFirst(2).prefix { !"/?".contains($0) }
        guard let end = authority.lastIndex(of: "@") else { return "" }
        return String(authority[...end])
    }

    /// Each is a token, and none is there twice (RFC 6455 section 4.1).
    static func check(protocols: [String]) throws(BrowserException) {
        var seen: Set<String> = []
        for name in protocols {
            guard !name.isEmpty, name.utf8.allSatisfy(isTokenByte) else {
                throw BrowserException(name: .syntaxError, message: "the subprotocol \"\(name)\" is not a token")
            }
            guard seen.insert(name).inserted else {
                throw BrowserException(name: .syntaxError, message: "the subprotocol \"\(name)\" is there twice")
            }
        }
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        (0x21...0x7E).contains(byte) && !"()<>@,;:\\\"/[]?={}".utf8.contains(byte)
    }
}
