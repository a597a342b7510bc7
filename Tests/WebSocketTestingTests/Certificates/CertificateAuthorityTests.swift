import Foundation
import LibWebSockets
import TestSupport
import Testing
import WebSocketTesting

/// The opinion of OpenSSL's own command line on the certificates: code that is not ours.
private enum OpenSSLCommand {
    static let path = ["/usr/bin/openssl", "/opt/homebrew/bin/openssl", "/usr/local/bin/openssl"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    static func run(_ arguments: String...) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(path))
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: text, as: UTF8.self)
    }
}

@Suite struct CertificateAuthorityTests {
    @Test("An authority's certificate and what it issues are PEM, the chain leaf first and without the root")
    func pem() throws {
        let root = try CertificateAuthority()
        let middle = try root.intermediate(commonName: "Middle")
        let low = try middle.intermediate(commonName: "Low")
        let issued = try low.issue(names: ["localhost"])
        #expect(issued.certificateChainPEM == issued.certificatePEM + low.certificatePEM + middle.certificatePEM)
        #expect(!issued.certificateChainPEM.contains(root.certificatePEM))
        #expect(issued.privateKeyPEM.hasPrefix("-----BEGIN PRIVATE KEY-----\n"))
        #expect(
            try issued.encryptedPrivateKeyPEM(passphrase: "p").hasPrefix("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"))
        #expect(issued.sha256Fingerprint.count == 32)
    }

    @Test("Every certificate has a key and a serial number of its own")
    func unique() throws {
        let authority = try CertificateAuthority()
        let issued = try (0..<20).map { _ in try authority.issue(names: ["localhost"]) }
        #expect(Set(issued.map(\.spkiPin)).count == 20)
        #expect(Set(issued.map(\.sha256Fingerprint)).count == 20)
    }

    @Test("What cannot be made is refused")
    func refused() throws {
        let authority = try CertificateAuthority()
        let address = try #require(throws: CertificateError.self) { try authority.issue(ipAddresses: ["127.0.0.1.5"]) }
        #expect(address.description.contains("\"127.0.0.1.5\" is not an IP address"))
        #expect(throws: CertificateError.self) { try authority.issue(key: .rsa(bits: 16)) }
        let missing = try #require(throws: CertificateError.self) {
            try authority.issue().write(to: "/nowhere", name: "x")
        }
        #expect(missing.description.contains("/nowhere/x.pem cannot be made (No such file or directory)"))
    }

    @Test("Files are written where told, a key readable for its owner only, also over a file that was readable for all")
    func files() throws {
        let directory = try TemporaryDirectory()
        let key = directory.path + "/server.key"
        #expect(FileManager.default.createFile(atPath: key, contents: nil, attributes: [.posixPermissions: 0o666]))
        let authority = try CertificateAuthority()
        let issued = try authority.issue(names: ["localhost"])
        let files = try issued.write(to: directory.path, name: "server")
        let root = try authority.write(to: directory.path)
        #expect(files.certificateChain == directory.path + "/server.pem")
        #expect(files.privateKey == key)
        #expect(try String(contentsOfFile: files.certificateChain, encoding: .utf8) == issued.certificateChainPEM)
        #expect(try String(contentsOfFile: files.privateKey, encoding: .utf8) == issued.privateKeyPEM)
        #expect(try String(contentsOfFile: root, encoding: .utf8) == authority.certificatePEM)
        let mode = try FileManager.default.attributesOfItem(atPath: key)[.posixPermissions] as? NSNumber
        #expect(mode?.intValue == 0o600)
    }

    @Test("The openssl command accepts the good ones", .enabled(if: OpenSSLCommand.path != nil, "no openssl command"))
    func acceptedByOpenSSL() throws {
        let directory = try TemporaryDirectory()
        let root = try CertificateAuthority()
        let middle = try root.intermediate()
        let rootFile = try root.write(to: directory.path, name: "root")
        let middleFile = try middle.write(to: directory.path, name: "middle")
        let leaf = try middle.issue(names: ["localhost"], ipAddresses: ["::1"])
        let files = try leaf.write(to: directory.path, name: "leaf")
        for name in [["-verify_hostname", "localhost"], ["-verify_ip", "::1"]] {
            let verdict = try OpenSSLCommand.run(
                "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", rootFile, "-untrusted", middleFile,
                name[0],
                name[1], files.certificateChain)
            #expect(verdict.contains("leaf.pem: OK"), "\(verdict)")
        }
        let fingerprint = try OpenSSLCommand.run(
            "x509", "-in", files.certificateChain, "-noout", "-fingerprint", "-sha256")
        let expected = leaf.sha256Fingerprint.map { String(format: "%02X", $0) }.joined(separator: ":")
        #expect(fingerprint.contains(expected))

        try Data(leaf.encryptedPrivateKeyPEM(passphrase: "open sesame").utf8)
            .write(to: URL(fileURLWithPath: directory.path + "/encrypted.key"))
        let opened = try OpenSSLCommand.run(
            "pkey", "-in", directory.path + "/encrypted.key", "-passin", "pass:open sesame")
        #expect(opened == leaf.privateKeyPEM)
    }

    @Test("The openssl command refuses the bad ones", .enabled(if: OpenSSLCommand.path != nil, "no openssl command"))
    func refusedByOpenSSL() throws {
        let directory = try TemporaryDirectory()
        let root = try CertificateAuthority()
        let rootFile = try root.write(to: directory.path, name: "root")
        let cases: [(IssuedCertificate, String)] = [
            (try root.issue(names: ["localhost"], validity: .expired), "certificate has expired"),
            (try root.issue(names: ["localhost"], validity: .notYetValid), "certificate is not yet valid"),
            (try root.issue(names: ["other"]), "hostname mismatch"),
            (try root.issue(names: ["localhost"], purpose: .client), "purpose"),
            (try root.issue(names: ["localhost"], key: .rsa(bits: 1_024)), "EE certificate key too weak"),
            (try CertificateAuthority.selfSigned(names: ["localhost"]), "self-signed certificate"),
            (try CertificateAuthority().issue(names: ["localhost"]), "unable to get local issuer certificate"),
            (try root.intermediate(mayIssue: false).issue(names: ["localhost"]), "invalid CA certificate"),
            (try root.issue(names: ["localhost"], hash: .sha1), "CA signature digest algorithm too weak"),
        ]
        for (index, (certificate, complaint)) in cases.enumerated() {
            let files = try certificate.write(to: directory.path, name: "\(index)")
            let verdict = try OpenSSLCommand.run(
                "verify", "-auth_level", "2", "-purpose", "sslserver", "-verify_hostname", "localhost", "-CAfile",
                rootFile,
                "-untrusted", files.certificateChain, files.certificateChain)
            #expect(verdict.contains(complaint), "\(index): \(verdict)")
        }
    }
}
