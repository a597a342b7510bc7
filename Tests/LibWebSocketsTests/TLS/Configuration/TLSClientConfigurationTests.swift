import Testing

@testable import LibWebSockets

@Suite struct TLSClientConfigurationTests {
    @Test("The defaults are the secure ones")
    func defaults() {
        let configuration = TLSClientConfiguration()
        #expect(configuration.trustRoots == .system)
        #expect(configuration.clientIdentity == nil)
        #expect(configuration.minimumVersion == .tls12)
        #expect(configuration.cipherSuites == nil)
        #expect(configuration.pinnedKeys.isEmpty)
        #expect(configuration.serverName == nil)
        #expect(!configuration.insecureAcceptsUntrustedRoots)
        #expect(!configuration.insecureAcceptsAnyHostname)
        #expect(!configuration.insecureAcceptsExpiredCertificates)
        #expect(configuration.keyLogFile == nil)
    }

    @Test("No text form of a configuration shows a key or a passphrase")
    func secrets() {
        let identities: [TLSIdentity] = [
            .pem(certificateChain: "CHAIN", privateKey: "SECRET-KEY", passphrase: "SECRET-PHRASE"),
            .pemFiles(certificateChain: "a.pem", privateKey: "a.key", passphrase: "SECRET-PHRASE"),
            .pkcs12(Array("SECRET-KEY".utf8), passphrase: "SECRET-PHRASE"),
            .pkcs12File("a.p12", passphrase: "SECRET-PHRASE"),
        ]
        let numbers = Array("SECRET-KEY".utf8).map(String.init).joined(separator: ", ")
        for identity in identities {
            let configuration = TLSClientConfiguration(clientIdentity: identity)
            let server = TLSServerConfiguration(identity: identity)
            var dumped = ""
            dump(configuration, to: &dumped)
            dump(server, to: &dumped)
            let texts = [
                "\(configuration)", String(reflecting: configuration), "\(server)", String(reflecting: server),
                "\(identity)", String(reflecting: identity), "\([identity])", dumped,
            ]
            for text in texts {
                #expect(!text.contains("SECRET"), "\(text)")
                #expect(!text.contains(numbers), "\(text)")
            }
        }
    }

    @Test("The description names what weakens the connection")
    func description() {
        let configuration = TLSClientConfiguration(
            trustRoots: .system.adding(.pemFile("ca.pem")), clientIdentity: .pkcs12File("me.p12", passphrase: ""),
            minimumVersion: .insecureTLS10, insecureAcceptsUntrustedRoots: true, insecureAcceptsAnyHostname: true,
            insecureAcceptsExpiredCertificates: true, keyLogFile: "keys.log")
        #expect(
            configuration.description == """
                TLSClientConfiguration(trust roots: system + ca.pem; TLS 1.0 or newer; client identity: PKCS#12 file me.p12; \
                INSECURE: untrusted roots accepted; INSECURE: any host name accepted; \
                INSECURE: expired certificates accepted; key log: keys.log)
                """)
    }

    @Test("Adding roots keeps each source once, in its order")
    func adding() {
        let roots = TrustRoots.system.adding(.pemFile("a")).adding(.system).adding(.pemFile("b")).adding(.pemFile("a"))
        #expect(roots.description == "system + a + b")
        #expect(roots.includesSystem)
        #expect(!TrustRoots.pemFile("a").includesSystem)
    }
}

@Suite struct SPKIPinTests {
    /// SHA-256 of nothing, from FIPS 180-4's test values.
    static let empty = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

    @Test("A pin is read in every spelling in use", arguments: ["sha256/", "sha256//", ""])
    func reads(prefix: String) throws {
        let pin = try SPKIPin(prefix + Self.empty)
        #expect(pin.sha256 == X509Reading.sha256([]))
        #expect(pin.description == "sha256/" + Self.empty)
        #expect(pin == SPKIPin(sha256: pin.sha256))
    }

    @Test("A hash that begins with a slash is read in every spelling", arguments: ["sha256/", "sha256//", ""])
    func beginsWithSlash(prefix: String) throws {
        let hash = [UInt8](repeating: 0xff, count: 32)
        let pin = try #require(SPKIPin(sha256: hash))
        #expect(pin.description.hasPrefix("sha256//"))
        #expect(try SPKIPin(prefix + pin.description.dropFirst("sha256/".count)) == pin)
    }

    @Test(
        "Anything else is refused, showing it",
        arguments: [
            "", "sha256/", "sha1/2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "sha256/" + empty.dropLast(),
            "sha256/=" + empty.dropFirst(),
            "sha256/" + empty + "=", " sha256/" + empty, "sha256/ " + empty.dropFirst(), "md5/" + empty,
            "sha256/!" + empty.dropFirst(), "sha256///" + empty, "/" + empty, String(repeating: "A", count: 42) + "==",
        ])
    func refuses(text: String) throws {
        let error = #expect(throws: WebSocketError.self) { try SPKIPin(text) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.contains("\"\(text)\"") == true)
    }

    @Test("A hash of another length is none")
    func length() {
        #expect(SPKIPin(sha256: []) == nil)
        #expect(SPKIPin(sha256: [UInt8](repeating: 0, count: 31)) == nil)
        #expect(SPKIPin(sha256: [UInt8](repeating: 0, count: 33)) == nil)
    }
}

@Suite struct OpenSSLVersionTests {
    @Test(
        "The loaded OpenSSL must have the ABI of the compiled one",
        arguments: [
            (UInt(0x3000_00f0), UInt(0x3000_0160), true), (0x3000_0000, 0x3050_0000, true),
            (0x3000_0000, 0x4000_0000, false), (0x1010_10ff, 0x1010_117f, true), (0x1010_1000, 0x1010_0000, false),
            (0x1010_1000, 0x3000_0000, false),
        ])
    func check(compiled: UInt, loaded: UInt, fits: Bool) throws {
        if fits {
            try OpenSSLVersion.check(compiled: compiled, loaded: loaded)
        } else {
            let error = #expect(throws: WebSocketError.self) {
                try OpenSSLVersion.check(compiled: compiled, loaded: loaded)
            }
            #expect(error?.code == .libraryUnsuitable)
        }
    }

    @Test("The versions appear as people know them")
    func text() {
        let error = #expect(throws: WebSocketError.self) {
            try OpenSSLVersion.check(compiled: 0x1010_117f, loaded: 0x3000_0160)
        }
        #expect(error?.message.contains("compiled against OpenSSL 1.1.1 but runs with OpenSSL 3.0.22") == true)
    }

    @Test("This process runs with what it was compiled against")
    func thisProcess() throws { try OpenSSLVersion.check() }
}
