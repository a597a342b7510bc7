/// Asks an HTTP proxy for a tunnel to a server (RFC 9110 section 9.3.6), with every string checked: nothing that a user
/// passes in can end a line early or add one.
package struct ProxyConnectRequest: Hashable, Sendable {
    /// The whole request, to the last byte.
    package let bytes: [UInt8]

    /// Makes the request for a tunnel.
    ///
    /// - Parameters:
    ///   - target: Only its host and port count. Its name goes to the proxy as it is, to be resolved there.
    ///   - credentials: The proxy's, of any length; sent as Basic authorization (RFC 7617).
    package init(target: Endpoint, credentials: Endpoint.Credentials? = nil) throws(InvalidProxyRequest) {
        if let zone = target.zone { throw .zone(zone, of: target) }
        let host = target.hostKind == .ipv6 ? "[\(target.host)]" : target.host
        let authority = "\(host):\(target.port)"
        var lines = ["CONNECT \(authority) HTTP/1.1", "Host: \(authority)"]
        if let credentials {
            guard (credentials.user + credentials.password).utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }),
                !credentials.user.utf8.contains(UInt8(ascii: ":"))
            else {
                throw InvalidProxyRequest(
                    "The user name for the proxy has a colon, or it or the password a control character: Basic "
                        + "authorization cannot carry that (RFC 7617 section 2).")
            }
            lines.append("Proxy-Authorization: \(credentials.basicAuthorization)")
        }
        bytes = Array(lines.map { "\($0)\r\n" }.joined().utf8) + Array("\r\n".utf8)
    }
}
