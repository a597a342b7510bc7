import ArgumentParser
import WebSocketService

/// What is expected of a server's certificate, and what it is shown.
struct CertificateOptions: ParsableArguments {
    @Option(
        name: .customLong("ca"),
        help: ArgumentHelp(
            "Trust the authorities in this PEM file, and no others.", valueName: "file"),
        completion: .file(extensions: ["pem", "crt"]))
    var authority: String?

    @Option(
        name: .customLong("cert"),
        help: ArgumentHelp("Your certificate chain, in PEM; needs --key.", valueName: "file"),
        completion: .file(extensions: ["pem", "crt"]))
    var certificate: String?

    @Option(
        help: ArgumentHelp("The private key of --cert, in PEM.", valueName: "file"),
        completion: .file(extensions: ["pem", "key"]))
    var key: String?

    @Option(
        name: .customLong("pin"),
        help: ArgumentHelp(
            "A public key that must be in the server's chain: sha256/… in base64. May be repeated.", valueName: "pin"))
    var pins: [Pin] = []

    @Option(
        help: ArgumentHelp("The name to ask for (SNI) and to find in the certificate.", valueName: "name"))
    var serverName: String?

    func validate() throws {
        guard (certificate == nil) == (key == nil) else {
            throw ValidationError("--cert and --key need each other.")
        }
    }

    var identity: TLSIdentity? {
        guard let certificate, let key else { return nil }
        return .pemFiles(certificateChain: certificate, privateKey: key)
    }

    var client: TLSClientConfiguration {
        TLSClientConfiguration(
            trustRoots: authority.map { .pemFile($0) } ?? .system, clientIdentity: identity,
            pinnedKeys: pins.map(\.value), serverName: serverName)
    }
}

/// What is accepted, below what is safe one switch for each.
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
