import LibC
import COpenSSL
import TestSupport
import Testing
import WebSocketTesting

@testable import LibWebSockets

@Suite struct TLSClientContextTests {
    /// The message of the error that making a context for this throws.
    private static func complaint(about configuration: TLSClientConfiguration) throws -> String {
        let error = try #require(throws: WebSocketError.self) { try TLSClientContext(configuration) }
        #expect(error.code == .invalidConfiguration)
        #expect(error.stage == .configuration)
        return error.message
    }

    // MARK: Trust roots

    @Test("A CA file that cannot be read is named, with the system's reason")
    func unreadableFile() throws {
        let directory = try TemporaryDirectory()
        let missing = "\(directory.path)/missing.pem"
        #expect(
            try Self.complaint(about: TLSClientConfiguration(trustRoots: .pemFile(missing)))
                == "The CA certificates file \(missing) cannot be read: No such file or directory.")
        #expect(
            try Self.complaint(about: TLSClientConfiguration(trustRoots: .pemFile(directory.path)))
                .contains("Is a directory"))
        #expect(
            try Self.complaint(about: TLSClientConfiguration(trustRoots: .pemFile("/dev/zero")))
                == "The CA certificates file /dev/zero is not a regular file: a FIFO, a device or a socket is not read."
        )
        let large = "\(directory.path)/large.pem"
        close(open(large, O_WRONLY | O_CREAT, 0o600))
        truncate(large, (16 << 20) + 1)
        #expect(
            try Self.complaint(about: TLSClientConfiguration(trustRoots: .pemFile(large)))
                == "The CA certificates file \(large) is larger than 16 MiB.")
    }

    @Test("A CA text without a good certificate is refused, saying what is wrong with it")
    func unusableText() throws {
        let good = try CertificateAuthority().certificatePEM
        let damaged = good.replacing("MII", with: "MIX")
        let certificates = try PEM.certificates(Array(good.utf8), from: .bytes([]), for: "test")
        let der = X509Reading.der(of: try #require(copenssl_sk_X509_value(certificates.pointer, 0)))
        let cases: [(TrustRoots, String)] = [
            (.pem(""), "There is no PEM certificate"),
            (.pem("nothing\n"), "There is no PEM certificate"),
            (.pem(der), "openssl x509 -inform der"),
            (.pem(try CertificateAuthority().issue().privateKeyPEM), "There is no PEM certificate"),
            (.pem(damaged), "Certificate 1 of the CA certificates"),
            (.pem(good + damaged), "Certificate 2 of the CA certificates"),
            (.pem(good + "-----BEGIN CERTIFICATE-----\nMIIB"), "Certificate 2 of the CA certificates"),
        ]
        for (roots, text) in cases {
            let message = try Self.complaint(about: TLSClientConfiguration(trustRoots: roots))
            #expect(message.contains(text), "\(message)")
            #expect(message.contains("bytes in memory"), "\(message)")
        }
    }

    // MARK: Identity

    @Test("An encrypted key opens with its passphrase only, and never asks on the terminal")
    func encryptedKey() throws {
        let issued = try CertificateAuthority().issue(purpose: .client)
        let key = try issued.encryptedPrivateKeyPEM(passphrase: "open sesame")
        func configuration(_ passphrase: String?) -> TLSClientConfiguration {
            TLSClientConfiguration(
                clientIdentity: .pem(
                    certificateChain: issued.certificateChainPEM, privateKey: key, passphrase: passphrase))
        }
        _ = try TLSClientContext(configuration("open sesame"))
        #expect(try Self.complaint(about: configuration(nil)).contains("is encrypted: give its passphrase"))
        #expect(try Self.complaint(about: configuration("wrong")).contains("passphrase does not open the private key"))
        #expect(try Self.complaint(about: configuration("")).contains("passphrase does not open the private key"))
        let long = String(repeating: "x", count: 5_000)
        #expect(try Self.complaint(about: configuration(long)).contains("passphrase does not open the private key"))
        #expect(try !Self.complaint(about: configuration("wrong")).contains("wrong"))
    }

    @Test("Chain and key may be in one text, and other text around them does not matter")
    func combined() throws {
        let issued = try CertificateAuthority().intermediate().issue(purpose: .client)
        let text = "Bag Attributes\n" + issued.privateKeyPEM + "# chain\n" + issued.certificateChainPEM
        let context = try TLSClientContext(
            TLSClientConfiguration(clientIdentity: .pem(certificateChain: text, privateKey: text)))
        var chain: OpaquePointer?
        SSL_CTX_ctrl(context.sslContext, SSL_CTRL_GET_CHAIN_CERTS, 0, &chain)
        #expect(copenssl_sk_X509_num(chain) == 1, "the intermediate, next to the certificate itself")
    }

    @Test("An identity that does not fit together is refused, saying how")
    func unusableIdentity() throws {
        let authority = try CertificateAuthority()
        let (first, second) = (try authority.issue(), try authority.issue())
        let rsa = try authority.issue(key: .rsa(bits: 2_048))
        let cases: [(TLSIdentity, String)] = [
            (.pem(certificateChain: first.certificatePEM, privateKey: second.privateKeyPEM), "does not belong to"),
            (.pem(certificateChain: first.certificatePEM, privateKey: rsa.privateKeyPEM), "does not belong to"),
            (.pem(certificateChain: first.certificatePEM, privateKey: first.certificatePEM), "not a PEM private key"),
            (
                .pem(certificateChain: "", privateKey: first.privateKeyPEM),
                "in the certificate chain (0 bytes in memory)"
            ),
            (.pemFiles(certificateChain: "/nowhere/a.pem", privateKey: "/nowhere/a.key"), "/nowhere/a.pem"),
            (.pkcs12File("/nowhere/a.p12", passphrase: ""), "/nowhere/a.p12"),
            (.pkcs12(Array("nonsense".utf8), passphrase: ""), "is not a PKCS#12 file"),
        ]
        for (identity, text) in cases {
            let message = try Self.complaint(about: TLSClientConfiguration(clientIdentity: identity))
            #expect(message.contains(text), "\(message)")
        }
    }

    @Test(
        "Keys in the older PEM forms (PKCS#1, SEC1, with parameters before them, encrypted) are read",
        arguments: [CertificateKey.p256, .rsa(bits: 2_048)]
    )
    func traditionalKeys(kind: CertificateKey) throws {
        let issued = try CertificateAuthority().issue(key: kind)
        let key = try PEM.privateKey(Array(issued.privateKeyPEM.utf8), from: .bytes([]), passphrase: nil)
        func traditional(_ cipher: OpaquePointer?, _ passphrase: [UInt8]) throws -> String {
            guard let bio = OpenSSLObject(BIO_new(BIO_s_mem()), releasedBy: { BIO_free_all($0) }) else {
                throw LoopbackError(description: "no memory BIO")
            }
            PEM_write_bio_PrivateKey_traditional(
                bio.pointer,
                key.pointer,
                cipher,
                passphrase,
                Int32(passphrase.count),
                nil,
                nil
            )
            var bytes: UnsafePointer<UInt8>?
            let count = copenssl_BIO_get_mem_data(bio.pointer, &bytes)
            return String(decoding: UnsafeBufferPointer(start: bytes, count: Int(count)), as: UTF8.self)
        }
        let plain = try traditional(nil, [])
        #expect(plain.hasPrefix(kind == .p256 ? "-----BEGIN EC PRIVATE" : "-----BEGIN RSA PRIVATE"))
        // The first block that `openssl ecparam -genkey` writes: the name of P-256.
        let parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
        let encrypted = try traditional(EVP_aes_128_cbc(), Array("p".utf8))
        #expect(encrypted.contains("Proc-Type: 4,ENCRYPTED"))
        for (text, passphrase) in [(plain, nil), (parameters + plain, nil), (encrypted, "p")] {
            let identity = TLSIdentity.pem(
                certificateChain: issued.certificatePEM,
                privateKey: text,
                passphrase: passphrase
            )
            _ = try TLSClientContext(TLSClientConfiguration(clientIdentity: identity))
        }
    }

    @Test("Chain and key are read from files, and a missing one is named")
    func files() throws {
        let directory = try TemporaryDirectory()
        let files = try CertificateAuthority().issue(purpose: .client).write(to: directory.path, name: "client")
        _ = try TLSClientContext(
            TLSClientConfiguration(
                clientIdentity: .pemFiles(certificateChain: files.certificateChain, privateKey: files.privateKey)))
        unlink(files.privateKey)
        #expect(
            try Self.complaint(
                about: TLSClientConfiguration(
                    clientIdentity: .pemFiles(certificateChain: files.certificateChain, privateKey: files.privateKey)))
                == "The private key file \(files.privateKey) cannot be read: No such file or directory.")
    }

    @Test("PKCS#12 gives certificate, key and chain, and opens with its passphrase only")
    func pkcs12() throws {
        let authority = try CertificateAuthority()
        let client = try authority.intermediate().issue(purpose: .client)
        let archive = try client.pkcs12(passphrase: "secret")
        #expect(
            try Self.complaint(about: TLSClientConfiguration(clientIdentity: .pkcs12(archive, passphrase: "wrong")))
                .contains("passphrase does not open the PKCS#12"))
        let server = try TLSHandshakeAlertTests.mutualServer(authority, version: TLS1_3_VERSION)
        let outcome = try TLSLoopback(
            client: TLSClientConfiguration(
                trustRoots: .pem(authority.certificatePEM),
                clientIdentity: .pkcs12(archive, passphrase: "secret")), server: server
        ).connect()
        #expect(outcome.error == nil, "\(outcome.message)")
        #expect(outcome.clientCertificate?.sha256Fingerprint == client.sha256Fingerprint)
    }

    @Test("A key too weak for OpenSSL's security level is refused when it is loaded")
    func weakIdentity() throws {
        let weak = try CertificateAuthority().issue(key: .rsa(bits: 1_024))
        let message = try Self.complaint(about: TLSClientConfiguration(clientIdentity: weak.identity))
        #expect(message.contains("cannot be used"))
        #expect(message.contains("too small"))
    }

    // MARK: Other options

    @Test("Cipher suites that OpenSSL does not know are refused by name")
    func cipherSuites() throws {
        let cases: [([String], TLSProtocolVersion, String)] = [
            (["HIGH"], .tls12, "\"HIGH\" is OpenSSL's word for a group of cipher suites, not the name of one"),
            (["TLS_AES_128_GCM_SHA256", "ECDHE"], .tls12, "\"ECDHE\" is OpenSSL's word for a group"),
            (["AES128"], .tls12, "\"AES128\" is OpenSSL's word for a group"),
            (["DEFAULT"], .tls12, "\"DEFAULT\" is OpenSSL's word for a group"),
            ([], .tls12, "list of cipher suites is empty"),
            (["TLS_AES_128_GCM_SHA256", "TLS_NOSUCH"], .tls12, "\"TLS_NOSUCH\""),
            (["NOSUCH"], .tls12, "\"NOSUCH\""),
            (["DEFAULT:aNULL"], .tls12, "\"DEFAULT:aNULL\""),
            (["@SECLEVEL=0"], .tls12, "\"@SECLEVEL=0\""),
            (["ADH-AES256-GCM-SHA384"], .tls12, "No usable cipher suite"),
            (["ECDHE-ECDSA-AES128-GCM-SHA256"], .tls13, "the minimum version"),
        ]
        for (suites, minimum, text) in cases {
            let message = try Self.complaint(
                about: TLSClientConfiguration(minimumVersion: minimum, cipherSuites: suites))
            #expect(message.contains(text), "\(message)")
        }
    }

    @Test("A server name that is none is refused before anything is connected")
    func serverName() throws {
        let error = try #require(throws: WebSocketError.self) {
            try WebSocket.validate(
                "wss://localhost", configuration: WebSocketConfiguration(tls: .init(serverName: ".example.com")))
        }
        #expect(error.code == .invalidConfiguration)
        #expect(error.message.contains("empty label"))
    }

    @Test("An SSL outlives the context it was made from")
    func lifetime() throws {
        var context: TLSClientContext? = try TLSClientContext(
            TLSClientConfiguration(trustRoots: .pem(CertificateAuthority().certificatePEM)))
        let ssl = try #require(SSL_new(context?.sslContext))
        weak let reference = context
        context = nil
        #expect(reference == nil)
        let sockets = try SocketPair()
        SSL_set_fd(ssl, sockets.client)
        // Its info callback finds no handshake, and the ClientHello is sent all the same.
        #expect(SSL_connect(ssl) == -1)
        #expect(SSL_get_error(ssl, -1) == SSL_ERROR_WANT_READ)
        SSL_free(ssl)
    }
}
