import LibC
import COpenSSL
import TestSupport
import Testing
import WebSocketTesting

@testable import LibWebSockets

@Suite(.timeLimit(.minutes(10))) struct TLSClientContextCacheTests {
    // MARK: Sharing

    @Test("Configurations that differ in what each connection decides share one SSL_CTX")
    func sharing() throws {
        let roots = TrustRoots.pem(try CertificateAuthority().certificatePEM)
        let cache = TLSClientContextCache(capacity: 2)
        let first = try cache.context(for: TLSClientConfiguration(trustRoots: roots))
        for index in 0..<384 {
            let context = try cache.context(for: TLSClientConfiguration(trustRoots: roots, serverName: "host\(index)"))
            #expect(context === first)
        }
        let variants = [
            TLSClientConfiguration(trustRoots: roots, pinnedKeys: [try SPKIPin(SPKIPinTests.empty)]),
            TLSClientConfiguration(trustRoots: roots, insecureAcceptsUntrustedRoots: true),
            TLSClientConfiguration(trustRoots: roots, insecureAcceptsAnyHostname: true),
            TLSClientConfiguration(trustRoots: roots, insecureAcceptsExpiredCertificates: true),
            TLSClientConfiguration(trustRoots: roots, maximumSessionAge: .zero),
        ]
        for variant in variants { #expect(try cache.context(for: variant) === first) }
        #expect(cache.count == 1)
    }

    @Test("Contexts that differ otherwise share the trust store of the same roots, client and server alike")
    func trustStore() throws {
        let authority = try CertificateAuthority()
        let roots = TrustRoots.pem(authority.certificatePEM)
        let cache = TLSClientContextCache(capacity: 2)
        let one = try cache.context(for: TLSClientConfiguration(trustRoots: roots))
        let other = try cache.context(for: TLSClientConfiguration(trustRoots: roots, minimumVersion: .tls13))
        #expect(one !== other)
        #expect(SSL_CTX_get_cert_store(one.sslContext) == SSL_CTX_get_cert_store(other.sslContext))
        let server = try TLSServer(
            TLSServerConfiguration(identity: authority.issue().identity, clientCertificates: .required(roots)))
        #expect(SSL_CTX_get_cert_store(server.sslContext) == SSL_CTX_get_cert_store(one.sslContext))
        let foreign = try cache.context(
            for: TLSClientConfiguration(trustRoots: .pem(CertificateAuthority().certificatePEM)))
        #expect(SSL_CTX_get_cert_store(foreign.sslContext) != SSL_CTX_get_cert_store(one.sslContext))
    }

    @Test("Callers at once end up with one context")
    func concurrentCallers() async throws {
        let configuration = TLSClientConfiguration(trustRoots: .pem(try CertificateAuthority().certificatePEM))
        let cache = TLSClientContextCache(capacity: 2)
        let contexts = try await withThrowingTaskGroup(of: TLSClientContext.self) { group in
            for _ in 0..<16 { group.addTask { try cache.context(for: configuration) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(contexts.map(ObjectIdentifier.init)).count == 1)
    }

    // MARK: Letting go

    @Test("A context lives while it is used, and the ones used last for longer; then it is gone with its roots")
    func lettingGo() throws {
        let cache = TLSClientContextCache(capacity: 2)
        func configuration() throws -> TLSClientConfiguration {
            TLSClientConfiguration(trustRoots: .pem(try CertificateAuthority().certificatePEM))
        }
        let configurations = try (0..<8).map { _ in try configuration() }
        weak var forgotten: TLSClientContext?
        do {
            let used = try configurations.map { try cache.context(for: $0) }
            forgotten = used[0]
            #expect(cache.count == 8)
            // One that is in use is found, however long ago it was made.
            #expect(try cache.context(for: configurations[0]) === used[0])
            _ = try cache.context(for: configurations[6])
            _ = try cache.context(for: configurations[7])
        }
        #expect(forgotten == nil)
        #expect(cache.count == 2)
        weak let recent = try cache.context(for: configurations[7])
        #expect(recent != nil)
    }

    @Test("A trust store goes with the last context that has it")
    func trustStoreLetsGo() throws {
        let roots = TrustRoots.pem(try CertificateAuthority().certificatePEM)
        weak var store: TrustStore?
        do {
            let first = try TrustStore.shared(roots)
            store = first
            #expect(try TrustStore.shared(roots) === first)
            #expect(TrustStore.isKnown(roots))
        }
        #expect(store == nil)
        #expect(!TrustStore.isKnown(roots))
    }

    // MARK: Files

    @Test("A changed file makes a new context, also where size and time of modification are the same")
    func changedFile() throws {
        let directory = try TemporaryDirectory()
        let (one, two) = (try CertificateAuthority().certificatePEM, try CertificateAuthority().certificatePEM)
        // Text between certificates does not matter, and makes both of one size.
        let size = max(one.utf8.count, two.utf8.count) + 1
        func padded(_ pem: String) -> String { pem + String(repeating: "\n", count: size - pem.utf8.count) }
        let file = try directory.write(padded(one), to: "ca.pem")
        var times = [timespec(tv_sec: 1_000, tv_nsec: 0), timespec(tv_sec: 1_000, tv_nsec: 0)]
        utimensat(AT_FDCWD, file, &times, 0)
        let cache = TLSClientContextCache(capacity: 2)
        let configuration = TLSClientConfiguration(trustRoots: .pemFile(file))
        let first = try cache.context(for: configuration)
        #expect(try cache.context(for: configuration) === first)
        #expect(
            try cache.context(for: TLSClientConfiguration(trustRoots: .pemFile(file), minimumVersion: .tls13)) !== first
        )

        Self.letTheClockTick(after: file)
        _ = try directory.write(padded(two), to: "ca.pem")
        utimensat(AT_FDCWD, file, &times, 0)
        let second = try cache.context(for: configuration)
        #expect(second !== first)
        #expect(SSL_CTX_get_cert_store(second.sslContext) != SSL_CTX_get_cert_store(first.sslContext))
        #expect(try cache.context(for: configuration) === second)
    }

    /// Waits until the file system's clock, which ticks every few milliseconds, has left the file's last change behind.
    private static func letTheClockTick(after file: String) {
        let stamp = FileOrBytes.file(file).stamp
        repeat { chmod(file, 0o600) } while FileOrBytes.file(file).stamp == stamp
    }

    @Test("While files are being replaced, what was read before stays in use, and the log says so once")
    func replacement() throws {
        let directory = try TemporaryDirectory()
        let authority = try CertificateAuthority()
        let (old, new) = (try authority.issue(purpose: .client), try authority.issue(purpose: .client))
        let root = try directory.write(authority.certificatePEM, to: "ca.pem")
        let certificate = try directory.write(old.certificatePEM, to: "client.pem")
        let key = try directory.write(old.privateKeyPEM, to: "client.key")
        let configuration = TLSClientConfiguration(
            trustRoots: .pemFile(root), clientIdentity: .pemFiles(certificateChain: certificate, privateKey: key))
        let cache = TLSClientContextCache(capacity: 2)
        let log = LogLines()
        let first = try cache.context(for: configuration, logger: log.logger())

        let states: [(String, String?, String)] = [
            (certificate, new.certificatePEM, "does not belong to the certificate"),
            (certificate, "", "There is no PEM certificate"),
            (certificate, nil, "No such file or directory"),
            (certificate, old.certificatePEM.replacing("MII", with: "MIX"), "is damaged"),
        ]
        for (index, (file, content, complaint)) in states.enumerated() {
            unlink(file)
            if let content { _ = try directory.write(content, to: "client.pem") }
            // Twice, as a service would that tries again.
            for _ in 0..<2 { #expect(try cache.context(for: configuration, logger: log.logger()) === first) }
            #expect(log.all.count == index + 1)
            #expect(log.all.last?.contains(complaint) == true, "\(log.all)")
            #expect(log.all.last?.hasPrefix("warning changed TLS files cannot be used") == true)
        }
        _ = try directory.write(new.certificatePEM, to: "client.pem")
        #expect(try cache.context(for: configuration, logger: log.logger()) === first, "the key is still the old one")
        _ = try directory.write(new.privateKeyPEM, to: "client.key")
        let second = try cache.context(for: configuration, logger: log.logger())
        #expect(second !== first)
        unlink(root)
        #expect(try cache.context(for: configuration, logger: log.logger()) === second)
        #expect(log.all.last?.contains("CA certificates file") == true)
    }

    @Test("A connection is made anew while its CA file is empty, missing or a FIFO")
    func reconnecting() async throws {
        let directory = try TemporaryDirectory()
        try await withServer(.tls) { pair in
            guard case .certificates(.bytes(let pem))? = pair.configuration.tls.trustRoots.sources.first else {
                Issue.record("the roots are not in memory")
                return
            }
            let file = try directory.write(pem, to: "ca.pem")
            var configuration = pair.configuration
            configuration.tls = TLSClientConfiguration(trustRoots: .pemFile(file))
            // Keeps the context, whatever other tests make the cache let go of meanwhile.
            let first = try await pair.connect(configuration: configuration)
            _ = try directory.write("", to: "ca.pem")
            try await pair.connect(configuration: configuration).close()
            unlink(file)
            try await pair.connect(configuration: configuration).close()
            mkfifo(file, 0o600)
            try await pair.connect(configuration: configuration).close()
            await first.close()
        }
    }

    @Test("Files that have never worked are refused")
    func neverWorked() throws {
        let directory = try TemporaryDirectory()
        let cache = TLSClientContextCache(capacity: 2)
        #expect(throws: WebSocketError.self) {
            try cache.context(for: TLSClientConfiguration(trustRoots: .pemFile("\(directory.path)/ca.pem")))
        }
        #expect(cache.count == 0)
    }

    @Test("A FIFO in place of a CA, certificate, key or PKCS#12 file is refused at once")
    func fifo() throws {
        let directory = try TemporaryDirectory()
        let fifo = "\(directory.path)/fifo"
        #expect(mkfifo(fifo, 0o600) == 0)
        let files = try CertificateAuthority().issue().write(to: directory.path, name: "client")
        let configurations = [
            TLSClientConfiguration(trustRoots: .pemFile(fifo)),
            TLSClientConfiguration(clientIdentity: .pemFiles(certificateChain: fifo, privateKey: files.privateKey)),
            TLSClientConfiguration(
                clientIdentity: .pemFiles(certificateChain: files.certificateChain, privateKey: fifo)),
            TLSClientConfiguration(clientIdentity: .pkcs12File(fifo, passphrase: "")),
        ]
        for configuration in configurations {
            let error = try #require(throws: WebSocketError.self) { try TLSClientContext(configuration) }
            #expect(error.message.contains("\(fifo) is not a regular file"))
        }
    }

    // MARK: The system's roots

    /// In a process of its own, because the environment says which roots are the system's.
    @Test("Roots that are added to the system's or removed count from the next connection on")
    func systemRoots() async throws {
        await #expect(processExitsWith: .success) {
            let directory = try TemporaryDirectory()
            let roots = try TemporaryDirectory()
            // By names of their own: OpenSSL looks into no directory once it knows a root of the name.
            let (one, two) = (try CertificateAuthority(commonName: "one"), try CertificateAuthority(commonName: "two"))
            func server(_ authority: CertificateAuthority) throws -> TLSServer {
                try TLSServer(TLSServerConfiguration(identity: authority.issue(names: ["localhost"]).identity))
            }
            let servers = (try server(one), try server(two))
            let cache = TLSClientContextCache(capacity: 2)
            func isTrusted(_ server: TLSServer) throws -> Bool {
                var loopback = try TLSLoopback(client: TLSClientConfiguration(), server: server)
                loopback.context = try cache.context(for: TLSClientConfiguration())
                return try loopback.connect().error == nil
            }
            let bundle = try directory.write(one.certificatePEM, to: "bundle.pem")
            setenv("SSL_CERT_FILE", bundle, 1)
            setenv("SSL_CERT_DIR", roots.path, 1)
            #expect(try isTrusted(servers.0))
            #expect(try !isTrusted(servers.1))
            _ = try directory.write(one.certificatePEM + two.certificatePEM, to: "bundle.pem")
            #expect(try isTrusted(servers.1))
            _ = try directory.write(two.certificatePEM + "\n", to: "bundle.pem")
            #expect(try !isTrusted(servers.0))
            // Replaced in two steps: in between there are no roots at all.
            _ = try directory.write("", to: "bundle.pem")
            #expect(try isTrusted(servers.1))
            _ = try directory.write(one.certificatePEM, to: "bundle.pem")
            #expect(try isTrusted(servers.0))
            #expect(try !isTrusted(servers.1))
            // A directory has them under the hash of their subjects.
            let hash = try two.subjectHash
            _ = try roots.write(two.certificatePEM, to: hash + ".0")
            #expect(try isTrusted(servers.1))
            unlink("\(roots.path)/\(hash).0")
            #expect(try !isTrusted(servers.1))
        }
    }
}

extension CertificateAuthority {
    /// As `openssl x509 -subject_hash` prints it.
    fileprivate var subjectHash: String {
        get throws {
            let certificates = try PEM.certificates(Array(certificatePEM.utf8), from: .bytes([]), for: "test")
            let hash = withExtendedLifetime(certificates) {
                X509_NAME_hash_ex(
                    X509_get_subject_name(copenssl_sk_X509_value(certificates.pointer, 0)), nil, nil, nil)
            }
            let text = String(hash, radix: 16)
            return String(repeating: "0", count: 8 - text.count) + text
        }
    }
}
