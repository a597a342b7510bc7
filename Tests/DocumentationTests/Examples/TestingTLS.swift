import Testing
import WebSocketTesting

@Suite(.timeLimit(.minutes(10))) struct TestingTLS {
    @Test func theFeedChecksCertificates() async throws {
        let report = try await verifyClient { url, trust in
            let configuration = WebSocketConfiguration(tls: trust.tls, connectTimeout: .seconds(3))
            let socket = try await WebSocket.connect(to: url, configuration: configuration)
            await socket.close()
        }
        #expect(report.wrong.isEmpty, "\(report)")
    }

    @Test func whatItDoesNotClaimIsLeftOut() async throws {
        @Sendable func connect(_ url: String, _ trust: CertificateCase.Trust) async throws {
            let tls = TLSClientConfiguration(trustRoots: .pem(trust.authorityPEM))
            let configuration = WebSocketConfiguration(tls: tls, connectTimeout: .seconds(3))
            await (try await WebSocket.connect(to: url, configuration: configuration)).close()
        }
        let cases = CertificateCase.allCases.filter { $0.need != .revocationLists && $0.group != .clients }
        let report = try await verifyClient(cases) { url, trust in try await connect(url, trust) }
        #expect(report.wrong.isEmpty, "\(report)")
    }

    @Test func oneCaseByItself() async throws {
        let servers = try CertificateCaseServers.start([.expired])
        let tls = TLSClientConfiguration(trustRoots: .pem(servers.authorityPEM))
        let error = try await #require(throws: WebSocketError.self) {
            try await WebSocket.connect(
                to: servers.urls(of: .expired)[0], configuration: WebSocketConfiguration(tls: tls))
        }
        #expect(error.tlsFailure?.reason == .expired)
        servers.stop()
    }
}
