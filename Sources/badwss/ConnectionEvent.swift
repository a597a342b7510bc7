import WebSocketTesting

/// A record of what a client did, as a line of JSON.
struct ConnectionEvent: Codable, Hashable {
    let name: CertificateCase
    let connection: CertificateCase.Connection
}
