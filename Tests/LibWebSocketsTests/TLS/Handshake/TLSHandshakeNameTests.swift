import COpenSSL
import Testing
import WebSocketTesting

@testable import LibWebSockets

/// A host that a client connects to, the names in the server's certificate, and whether they match.
struct NameCase: Sendable, CustomTestStringConvertible {
    let host: String
    let names: [String]
    let addresses: [String]
    let matches: Bool
    /// The name that the server is asked for; `nil` for no SNI.
    let serverNameIndication: String?

    var testDescription: String { "\(host) and \(names + addresses)" }

    init(_ host: String, names: [String] = [], addresses: [String] = [], matches: Bool, sni: String?) {
        (self.host, self.names, self.addresses, self.matches) = (host, names, addresses, matches)
        serverNameIndication = sni
    }

    static let all: [NameCase] = [
        NameCase("localhost", names: ["localhost"], matches: true, sni: "localhost"),
        NameCase("LocalHost", names: ["localhost"], matches: true, sni: "localhost"),
        NameCase("localhost.", names: ["localhost"], matches: true, sni: "localhost"),
        NameCase("localhost", names: ["LOCALHOST"], matches: true, sni: "localhost"),
        NameCase("a.example", names: ["b.example", "a.example"], matches: true, sni: "a.example"),
        NameCase(
            "xn--bcher-kva.example", names: ["xn--bcher-kva.example"], matches: true, sni: "xn--bcher-kva.example"),
        NameCase("localhost", names: ["localhost.example"], matches: false, sni: "localhost"),
        NameCase("example.com", names: ["com"], matches: false, sni: "example.com"),
        NameCase("a.example", names: ["a.example\0.attacker.example"], matches: false, sni: "a.example"),
        NameCase("a.example", names: [" a.example"], matches: false, sni: "a.example"),
        // RFC 9525 section 6.3: a wildcard is one whole label, the first.
        NameCase("a.example.com", names: ["*.example.com"], matches: true, sni: "a.example.com"),
        NameCase("example.com", names: ["*.example.com"], matches: false, sni: "example.com"),
        NameCase("a.b.example.com", names: ["*.example.com"], matches: false, sni: "a.b.example.com"),
        NameCase("www.example.com", names: ["w*.example.com"], matches: false, sni: "www.example.com"),
        NameCase("a.example.com", names: ["a.*.com"], matches: false, sni: "a.example.com"),
        NameCase("example.com", names: ["*.com"], matches: false, sni: "example.com"),
        NameCase("localhost", names: ["*"], matches: false, sni: "localhost"),
        // Addresses match addresses only, byte by byte, and are never sent as SNI (RFC 6066 section 3).
        NameCase("127.0.0.1", addresses: ["127.0.0.1"], matches: true, sni: nil),
        NameCase("127.0.0.1", addresses: ["127.0.0.2"], matches: false, sni: nil),
        NameCase("127.0.0.1", names: ["127.0.0.1"], matches: false, sni: nil),
        NameCase("127.0.0.1", names: ["*.0.0.1"], matches: false, sni: nil),
        NameCase("127.0.0.1", addresses: ["::ffff:127.0.0.1"], matches: false, sni: nil),
        NameCase("::1", addresses: ["::1"], matches: true, sni: nil),
        NameCase("0:0:0:0:0:0:0:1", addresses: ["::1"], matches: true, sni: nil),
        NameCase("2001:DB8::0a", addresses: ["2001:db8:0:0:0:0:0:a"], matches: true, sni: nil),
        NameCase("fe80::1%eth0", addresses: ["fe80::1"], matches: true, sni: nil),
        // A host that begins with a colon must not turn the check off, as it does in libwebsockets.
        NameCase("::1", addresses: ["::2"], matches: false, sni: nil),
        NameCase("::dead", names: ["localhost"], matches: false, sni: nil),
    ]
}

@Suite struct TLSHandshakeNameTests {
    @Test("The host is the name the certificate must carry", arguments: NameCase.all)
    func name(_ item: NameCase) throws {
        let authority = try CertificateAuthority()
        let leaf = try authority.issue(names: item.names, ipAddresses: item.addresses, commonName: item.host)
        let outcome = try TLSLoopback(
            client: TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM)),
            server: TLSHandshakeVerificationTests.server(leaf), host: item.host
        ).connect()
        #expect(outcome.serverNameIndication == item.serverNameIndication)
        if item.matches {
            #expect(outcome.error == nil, "\(outcome.message)")
        } else {
            let failure = try #require(outcome.failure)
            #expect(failure.reason == .hostnameMismatch)
            #expect(failure.expectedName == (try TLSPeerName(item.host)).text)
            let presented = failure.presentedNames
            #expect(presented.count == item.names.count + item.addresses.count)
            #expect(!presented.contains { $0.contains("\0") })
        }
    }

    @Test("A name with a NUL in it is shown whole, with the NUL visible")
    func embeddedNUL() throws {
        let authority = try CertificateAuthority()
        let leaf = try authority.issue(names: ["localhost\0.attacker.example"])
        let outcome = try TLSLoopback(
            client: TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM)),
            server: TLSHandshakeVerificationTests.server(leaf)
        ).connect()
        #expect(outcome.failure?.reason == .hostnameMismatch)
        #expect(outcome.failure?.presentedNames == ["localhost\\x00.attacker.example"])
    }

    @Test("An address that a certificate has as a DNS name is shown as one")
    func addressAsName() throws {
        let authority = try CertificateAuthority()
        let outcome = try TLSLoopback(
            client: TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM)),
            server: TLSHandshakeVerificationTests.server(authority.issue(names: ["127.0.0.1"])), host: "127.0.0.1"
        ).connect()
        #expect(outcome.message.contains("is not for 127.0.0.1 but for DNS:127.0.0.1."), "\(outcome.message)")
    }

    @Test("A certificate for hundreds of names does not flood the sentence")
    func manyNames() throws {
        let authority = try CertificateAuthority()
        let leaf = try authority.issue(names: (0..<300).map { "host\($0).example" })
        let outcome = try TLSLoopback(
            client: TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM)),
            server: TLSHandshakeVerificationTests.server(leaf)
        ).connect()
        #expect(outcome.message.contains("host9.example, …"))
        #expect(outcome.message.utf8.count < 500)
    }

    @Test("A name as long as a certificate can carry does not flood the sentence either")
    func longName() throws {
        let authority = try CertificateAuthority()
        let leaf = try authority.issue(names: [String(repeating: "x", count: 20_000)], commonName: "long")
        let outcome = try TLSLoopback(
            client: TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM)),
            server: TLSHandshakeVerificationTests.server(leaf)
        ).connect()
        #expect(outcome.message.contains("is not for localhost but for xxx"))
        #expect(outcome.message.contains("xxx…. Connect by a name it is for"))
        #expect(outcome.message.utf8.count < 1_000)
    }

    @Test("What a certificate says of names is bounded wherever it is kept")
    func boundedNames() throws {
        let authority = try CertificateAuthority()
        let names = (0..<1_350).map { "host\($0)." + String(repeating: "x", count: 50) + ".example" }
        let leaf = try authority.issue(names: names + ["localhost"])
        let server = try TLSHandshakeVerificationTests.server(leaf)
        let roots = TrustRoots.pem(authority.certificatePEM)
        let wrong = try TLSLoopback(client: TLSClientConfiguration(trustRoots: roots), server: server, host: "other")
            .connect()
        #expect(wrong.failure?.reason == .hostnameMismatch)
        let presented = try #require(wrong.failure).presentedNames
        #expect(presented.reduce(0) { $0 + $1.utf8.count } < 5_000)
        #expect(presented.first == names.first)
        #expect(presented.last == "and \(1_351 - (presented.count - 1)) more")
        #expect(wrong.message.utf8.count < 2_000)
        let right = try TLSLoopback(client: TLSClientConfiguration(trustRoots: roots), server: server).connect()
        let certificate = try #require(right.info?.peerCertificate)
        #expect(certificate.subjectAlternativeNames.reduce(0) { $0 + $1.utf8.count } < 17_000)
        #expect(certificate.der.count > 80_000)

        let binary = try authority.issue(names: [String(repeating: "\u{1}", count: 20_000)], commonName: "binary")
        let unreadable = try TLSLoopback(
            client: TLSClientConfiguration(trustRoots: roots), server: TLSHandshakeVerificationTests.server(binary)
        ).connect()
        #expect("\(try #require(unreadable.failure))".utf8.count < 1_000)
    }

    @Test("A subject as long as a certificate can carry is cut")
    func longSubject() throws {
        let certificate = try #require(X509_new())
        defer { X509_free(certificate) }
        let name = X509_get_subject_name(certificate)
        let unit = Array(String(repeating: "é", count: 30).utf8)
        for _ in 0..<500 {
            #expect(
                X509_NAME_add_entry_by_NID(
                    name, NID_organizationalUnitName, MBSTRING_UTF8, unit, Int32(unit.count), -1, 0)
                    == 1)
        }
        let subject = X509Reading.subject(of: certificate)
        #expect(subject.hasPrefix("OU=ééé"))
        #expect(subject.hasSuffix("…"))
        #expect(subject.utf8.count <= 303)
        #expect(subject.utf8.count > 290)
    }

    @Test("serverName replaces the host in SNI and in verification")
    func serverName() throws {
        let authority = try CertificateAuthority()
        let server = try TLSHandshakeVerificationTests.server(authority.issue(names: ["inner.example"]))
        let outcome = try TLSLoopback(
            client: TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM), serverName: "inner.example"),
            server: server, host: "127.0.0.1"
        ).connect()
        #expect(outcome.error == nil, "\(outcome.message)")
        #expect(outcome.serverNameIndication == "inner.example")

        let wrong = try TLSLoopback(
            client: TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM), serverName: "127.0.0.1"),
            server: server, host: "inner.example"
        ).connect()
        #expect(wrong.failure?.reason == .hostnameMismatch)
        #expect(wrong.failure?.expectedName == "127.0.0.1")
        #expect(wrong.failure?.presentedNames == ["inner.example"])
    }
}
