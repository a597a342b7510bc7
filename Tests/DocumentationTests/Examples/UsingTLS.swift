import LibWebSockets

enum UsingTLS {
    static func trustRoots() {
        let onlyOurs = TLSClientConfiguration(trustRoots: .pemFile("/etc/example/ca.pem"))
        let both = TLSClientConfiguration(trustRoots: .system.adding(.pemFile("/etc/example/ca.pem")))
        _ = (onlyOurs, both)
    }

    static func clientIdentity(passphrase: String) {
        let tls = TLSClientConfiguration(
            clientIdentity: .pemFiles(
                certificateChain: "/etc/example/client.pem",
                privateKey: "/etc/example/client.key",
                passphrase: passphrase))
        _ = tls
    }

    static func pinning() throws {
        let tls = TLSClientConfiguration(pinnedKeys: [
            try SPKIPin("sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
            try SPKIPin("sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        ])
        _ = tls
    }

    static func revocation() {
        let tls = TLSClientConfiguration(
            trustRoots: .pemFile("/etc/example/ca.pem"),
            revocationLists: RevocationLists([.pemFile("/var/lib/example/crl.pem")], checking: .leafOnly))
        _ = tls
    }

    static func pinnedSelfSigned(serverKey: SPKIPin) {
        let tls = TLSClientConfiguration(pinnedKeys: [serverKey], insecureAcceptsUntrustedRoots: true)
        _ = tls
    }

    static func info(socket: WebSocket) {
        if let tls = socket.tls, let certificate = tls.peerCertificate {
            print("\(tls.version), \(tls.cipherSuite), valid until \(certificate.notValidAfter)")
        }
    }
}
