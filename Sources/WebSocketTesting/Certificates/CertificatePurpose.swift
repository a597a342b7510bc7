/// The party that a certificate authenticates (its extended key usage).
public enum CertificatePurpose: Hashable, Sendable {
    /// A server (`serverAuth`).
    case server
    /// A client (`clientAuth`).
    case client
    /// Both: peers that are servers and clients.
    case serverAndClient

    var usage: CertificateTemplate.Usage {
        switch self {
        case .server: .server
        case .client: .client
        case .serverAndClient: .serverAndClient
        }
    }
}
