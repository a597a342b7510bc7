/// The reason why a proxy cannot be asked for what the user wants. Nothing was sent.
package struct InvalidProxyRequest: Error, Hashable, CustomStringConvertible {
    /// Never holds credentials.
    package let description: String

    init(_ description: String) {
        self.description = description
    }

    static func zone(_ zone: String, of target: Endpoint) -> InvalidProxyRequest {
        InvalidProxyRequest(
            "The address \(target.host) has the zone \(HeaderSyntax.quoted(zone)), which means something on this machine "
                + "only: connect to it without a proxy (RFC 6874 section 4).")
    }
}
