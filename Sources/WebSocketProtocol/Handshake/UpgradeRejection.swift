package import HTTPTypes

/// A server's refusal of an opening handshake, as the HTTP response that says so.
package struct UpgradeRejection: Error, Hashable {
    package let status: HTTPResponse.Status
    package let headers: HTTPFields
    /// For the response's body.
    package let message: String

    package init(_ status: HTTPResponse.Status, headers: HTTPFields = [:], _ message: String) {
        self.status = status
        self.headers = headers
        self.message = message
    }
}

extension UpgradeRejection: CustomStringConvertible {
    package var description: String {
        "\(status.code) \(status.reasonPhrase): \(message)"
    }
}
