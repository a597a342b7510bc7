import PriceFeed
import Testing
import WebSocketTesting

@Suite("PriceFeed checks certificates", .timeLimit(.minutes(2)))
struct CertificateTests {
    @Test("It is right about every case")
    func everyCase() async throws {
        let report = try await verifyClient { url, trust in
            let feed = try await PriceFeed(url, tls: trust.tls)
            // The servers send back what they get.
            _ = try await feed.price(of: "100")
            await feed.close()
        }
        #expect(report.wrong.isEmpty, "\(report)")
    }

    @Test("A switch that somebody turned off for a test of theirs, and forgot, is found")
    func forgottenSwitch() async throws {
        let report = try await verifyClient([.validEC, .expired, .wrongHost]) { url, trust in
            var tls = trust.tls
            tls.insecureAcceptsAnyHostname = true
            await (try await PriceFeed(url, tls: tls)).close()
        }
        #expect(report.wrong == [.wrongHost])
    }
}
