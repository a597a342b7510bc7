import ArgumentParser
import WebSocketService

/// The demands on a server's certificate, and the certificate that it is shown.
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
