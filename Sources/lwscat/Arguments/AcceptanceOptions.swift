import ArgumentParser
import WebSocketService

/// The things to accept; a switch for each that is less than safe.
struct AcceptanceOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The oldest version of TLS to speak; 1.2 unless given.", valueName: "version"))
    var minimumTLS: TLSProtocolVersionChoice?

    @Flag(help: "Accept a certificate that no trusted authority signed.")
    var insecureUntrustedRoots = false

    @Flag(help: "Accept a certificate for another name.")
    var insecureAnyHostname = false

    @Flag(help: "Accept a certificate that has expired or is not valid yet.")
    var insecureExpiredCertificates = false

    func client(_ certificates: CertificateOptions) -> TLSClientConfiguration {
        var configuration = certificates.client
        configuration.minimumVersion = minimumVersion
        configuration.insecureAcceptsUntrustedRoots = insecureUntrustedRoots
        configuration.insecureAcceptsAnyHostname = insecureAnyHostname
        configuration.insecureAcceptsExpiredCertificates = insecureExpiredCertificates
        return configuration
    }

    /// For `--listen`; `nil` for `ws:`.
    func server(_ certificates: CertificateOptions) -> TLSServerConfiguration? {
        certificates.identity.map {
            TLSServerConfiguration(
                identity: $0, clientCertificates: certificates.authority.map { .required(.pemFile($0)) } ?? .none,
                minimumVersion: minimumVersion)
        }
    }

    private var minimumVersion: TLSProtocolVersion { (minimumTLS ?? .tls12).version }
}
