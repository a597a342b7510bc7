import COpenSSL
import Testing
import WebSocketTesting

@testable import LibWebSockets

/// Groups of Diffie-Hellman over finite fields (RFC 7919), with which a server chooses how long its client calculates.
@Suite("Diffie-Hellman groups over finite fields", .timeLimit(.minutes(10))) struct TLSGroupTests {
    /// The groups that OpenSSL allows by itself.
    private static func allowEverything(_ sslContext: OpaquePointer) {
        guard let fresh = SSL_CTX_new(TLS_server_method()) else { return }
        SSL_CTX_set_security_callback(sslContext, SSL_CTX_get_security_callback(fresh))
        SSL_CTX_free(fresh)
    }

    private func connect(
        key: CertificateKey = .p256, adjust: @escaping (OpaquePointer) -> Void
    ) throws -> TLSLoopback.Outcome {
        let authority = try CertificateAuthority()
        let identity = try authority.issue(names: ["localhost"], key: key).identity
        let server = try TLSServer(TLSServerConfiguration(identity: identity)) { sslContext in
            Self.allowEverything(sslContext)
            adjust(sslContext)
        }
        return try TLSLoopback(
            client: TLSClientConfiguration(trustRoots: .pem(authority.certificatePEM)), server: server
        ).connect()
    }

    @Test("No group over a finite field is offered in TLS 1.3", arguments: ["ffdhe2048", "ffdhe8192"])
    func tls13(group: String) throws {
        func outcome(_ groups: String) throws -> TLSLoopback.Outcome {
            try connect { sslContext in
                let isSet = groups.withCString {
                    SSL_CTX_ctrl(sslContext, SSL_CTRL_SET_GROUPS_LIST, 0, UnsafeMutableRawPointer(mutating: $0))
                }
                #expect(isSet == 1)
            }
        }
        #expect(try outcome("\(group):P-256").error == nil)
        #expect(try outcome(group).error?.code == .tlsFailed)
    }

    @Test("In TLS 1.2 a group has 4,096 bits at most", arguments: [("ffdhe4096", true), ("ffdhe6144", false)])
    func tls12(group: String, isTaken: Bool) throws {
        let outcome = try connect(key: .rsa(bits: 2048)) { sslContext in
            copenssl_SSL_CTX_set_max_proto_version(sslContext, TLS1_2_VERSION)
            #expect(SSL_CTX_set_cipher_list(sslContext, "kDHE") == 1)
            let context = EVP_PKEY_CTX_new_from_name(nil, "DH", nil)
            var key: OpaquePointer?
            #expect(EVP_PKEY_keygen_init(context) == 1)
            #expect(EVP_PKEY_CTX_set_group_name(context, group) == 1)
            #expect(EVP_PKEY_keygen(context, &key) == 1)
            #expect(SSL_CTX_set0_tmp_dh_pkey(sslContext, key) == 1)
            EVP_PKEY_CTX_free(context)
        }
        #expect((outcome.error == nil) == isTaken, "\(outcome.message)")
    }
}
