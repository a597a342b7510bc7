import Synchronization
import Foundation
import LibWebSockets
import Testing
import WebSocketTesting

@Suite(.timeLimit(.minutes(5))) struct CertificateCaseTests {
    /// This package's client, which exchanges a message.
    private static func connect(
        _ trust: CertificateCase.Trust, _ change: (inout TLSClientConfiguration) -> Void = { _ in }
    ) async throws {
        var tls = trust.tls
        change(&tls)
        let socket = try await WebSocket.connect(
            to: trust.addressURL, configuration: WebSocketConfiguration(tls: tls, connectTimeout: .seconds(4)))
        try await socket.send("hello")
        guard try await socket.nextMessages()?.first?.text == "hello" else { throw NoEcho() }
        await socket.close()
    }

    private struct NoEcho: Error {}

    /// Says nothing about a client that asks for WebSockets only.
    private static let beyondWebSockets: Set<CertificateCase> = [.noCloseNotify]

    @Test("This package's client is right about every case, and none is skipped that says something about WebSockets")
    func ours() async throws {
        let report = try await verifyClient(within: .seconds(60), connectsByAddress: true) { _, trust in
            try await Self.connect(trust)
        }
        #expect(report.wrong.isEmpty, "\(report)")
        #expect(Set(report.skipped) == Self.beyondWebSockets, "\(report)")
        #expect(report.entries.map(\.test) == CertificateCase.allCases)
    }

    @Test("What this package's client says is wrong with each certificate is what is wrong with it")
    func reasons() async throws {
        let reasons: [CertificateCase: TLSFailure.Reason] = [
            .expired: .expired, .notYetValid: .notYetValid, .expiredIntermediate: .expired,
            .missingIntermediate: .untrustedRoot, .selfSigned: .selfSigned, .untrustedRoot: .untrustedRoot,
            .notAnAuthority: .invalidAuthority, .pathLengthExceeded: .invalidAuthority, .wrongPurpose: .invalidPurpose,
            .badSignature: .invalidSignature, .wrongHost: .hostnameMismatch, .wrongAddress: .hostnameMismatch,
            .commonNameOnly: .hostnameMismatch, .weakKey: .weakKey, .sha1Signature: .weakSignature,
            .weakDiffieHellman: .weakKey, .revoked: .revoked, .revokedIntermediate: .revoked, .ocspRevoked: .revoked,
            .ocspMissing: .revocationUnknown, .ocspOutdated: .revocationUnknown, .ocspForged: .revocationUnknown,
            .tls10Only: .protocolVersion, .tls11Only: .protocolVersion, .plainHTTP: .notTLS,
            .clientCertificateAbsent: .clientCertificateRequired,
            .clientCertificateUntrusted: .clientCertificateRefused,
            .clientCertificateExpired: .clientCertificateRefused,
        ]
        let seen = Lock<[CertificateCase: TLSFailure.Reason]>([:])
        _ = try await verifyClient(Array(reasons.keys), within: .seconds(60)) { _, trust in
            do {
                try await Self.connect(trust)
            } catch let error as WebSocketError {
                seen.withLock { $0[trust.test] = error.tlsFailure?.reason }
                throw error
            }
        }
        #expect(seen.withLock { $0 } == reasons)
    }

    /// One check that a client leaves out, and the cases that find it.
    enum Weakness: CaseIterable {
        case names, dates, roots, lists, staples

        func weaken(_ tls: inout TLSClientConfiguration) {
            switch self {
            case .names: tls.insecureAcceptsAnyHostname = true
            case .dates: tls.insecureAcceptsExpiredCertificates = true
            case .roots: tls.insecureAcceptsUntrustedRoots = true
            case .lists: tls.revocationLists = nil
            case .staples: tls.ocspStapling = .ignored
            }
        }

        var wrong: Set<CertificateCase> {
            switch self {
            case .names:
                [
                    .wrongHost, .wrongAddress, .wildcardWrongDepth, .wildcardParent, .wildcardEverything,
                    .wildcardPartial, .commonNameOnly, .emptySubjectAltName, .addressAsDNSName, .nameAsAddress,
                    .nulInName, .trailingDot, .sessionForAnotherName,
                ]
            case .dates: [.expired, .notYetValid, .expiredIntermediate]
            case .roots: [.selfSigned, .untrustedRoot, .namesakeRoot, .missingIntermediate, .certificateChanged]
            case .lists: [.revoked, .revokedIntermediate]
            case .staples: []
            }
        }
    }

    @Test("A client that leaves out one check is wrong about exactly its cases", arguments: Weakness.allCases)
    func weak(weakness: Weakness) async throws {
        let report = try await verifyClient(within: .seconds(60), connectsByAddress: true) { _, trust in
            try await Self.connect(trust, weakness.weaken)
        }
        #expect(Set(report.wrong) == weakness.wrong, "\(report)")
        let stapling: Set<CertificateCase> = [.ocspRevoked, .ocspMissing, .ocspOutdated, .ocspForged]
        #expect(
            Set(report.skipped) == Self.beyondWebSockets.union(weakness == .staples ? stapling : []), "\(report)")
    }

    @Test("A client that does nothing, one that hangs and one that refuses everything are wrong, and hold nothing up")
    func useless() async throws {
        let cases: [CertificateCase] = [.validEC, .expired]
        let idle = try await verifyClient(cases) { _, _ in }
        #expect(idle.wrong == cases)
        #expect(idle.entries.allSatisfy { $0.finding == "never connected to the server" })
        let hanging = try await verifyClient(cases, within: .milliseconds(50)) { _, _ in
            // In a way that no cancellation ends.
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                Forever.continuations.withLock { $0.append(continuation) }
            }
        }
        #expect(hanging.wrong == cases)
        Forever.continuations.withLock { continuations in
            for continuation in continuations { continuation.resume() }
            continuations = []
        }
        let anxious = try await verifyClient(cases) { _, trust in
            try await Self.connect(trust)
            throw NoEcho()
        }
        #expect(anxious.wrong == [.validEC])
        #expect("\(anxious)".contains("refused: NoEcho()"))
        #expect("\(anxious)".contains("RFC 5280 section 6.1"))
    }

    @Test(
        "A client that sends first and verifies on a connection of its own is wrong, also where it has to connect twice"
    )
    func late() async throws {
        let cases: [CertificateCase] = [.expired, .certificateChanged, .sessionForAnotherName]
        let report = try await verifyClient(cases) { _, trust in
            try await Self.connect(trust) { tls in
                tls.insecureAcceptsAnyHostname = true
                tls.insecureAcceptsUntrustedRoots = true
                tls.insecureAcceptsExpiredCertificates = true
            }
            try await Self.connect(trust)
        }
        #expect(Set(report.wrong) == Set(cases), "\(report)")
        #expect(report.entries.allSatisfy { $0.finding.hasSuffix("but only after it had sent something") }, "\(report)")
    }

    private enum Forever {
        static let continuations = Lock<[CheckedContinuation<Void, Never>]>([])
    }

    @Test("A run leaves neither files nor descriptors behind, and ends when its task is cancelled")
    func nothingIsLeft() async throws {
        let files = Lock<Set<String>>([])
        let report = try await verifyClient([.expired, .clientCertificate]) { _, trust in
            #expect(FileManager.default.fileExists(atPath: trust.authorityFile))
            #expect(FileManager.default.fileExists(atPath: trust.clientCertificateFiles?.privateKey ?? ""))
            files.withLock { _ = $0.insert(trust.authorityFile) }
            try await Self.connect(trust)
        }
        #expect(report.wrong.isEmpty, "\(report)")
        for file in files.withLock({ $0 }) { #expect(!FileManager.default.fileExists(atPath: file)) }
        let (began, beginning) = AsyncStream.makeStream(of: Void.self)
        let run = Task {
            try await verifyClient([.handshakeStalled], within: .seconds(3_600)) { _, trust in
                beginning.yield()
                try await Self.connect(trust)
            }
        }
        for await _ in began { break }
        run.cancel()
        await #expect(throws: CancellationError.self) { try await run.value }
    }

    @Test("The report is JSON for other programs, and comes back from it")
    func json() async throws {
        let report = try await verifyClient([.validEC, .expired]) { _, trust in try await Self.connect(trust) }
        let read = try JSONDecoder().decode(ClientVerificationReport.self, from: Data(report.json.utf8))
        #expect(read.entries.map(\.test) == [.validEC, .expired])
        #expect(read.entries.map(\.verdict) == [.right, .right])
        #expect(read.entries.map(\.connections.first?.handshake) == [.completed, .alert])
        #expect(read.entries.last?.connections.first?.alert == "certificate_expired")
    }

    @Test("Every case has a name of its own, an explanation and a rule")
    func facts() {
        for test in CertificateCase.allCases {
            #expect(test.rawValue.allSatisfy { $0.isLowercase || $0.isNumber || "-.".contains($0) })
            #expect(!test.explanation.isEmpty && test.explanation.count < 100)
            #expect(test.reference.contains("RFC "))
            #expect(test.connections.last?.expectation == test.expectation)
        }
        #expect(Set(CertificateCase.allCases.map(\.explanation)).count == CertificateCase.allCases.count)
    }

    @Test("An outdated response is of last week, as its case says")
    func outdated() {
        let (day, validity) = (Duration.seconds(86_400), CertificateValidity.outdatedResponse)
        #expect(validity.begins < day * -7 && validity.ends <= day * -1)
    }

    @Test("A run of no case is refused: it would find nothing wrong")
    func noCase() async {
        await #expect(throws: FaultServerError.self) { try await verifyClient([]) { _, _ in } }
    }

    @Test("Ports that do not exist are refused, and a taken one is told of")
    func ports() throws {
        for port in [-1, 65_535, .max, .min] {
            #expect(throws: FaultServerError.self) { try CertificateCaseServers.start([.validEC], firstPort: port) }
        }
    }
}

@Suite struct CaseVerdictTests {
    private static func connection(
        _ handshake: CertificateCase.Connection.Handshake = .completed, sentData: Bool = false, offers: Bool = true,
        attempt: Int = 0, asksForWebSocket: Bool = false
    ) -> CertificateCase.Connection {
        var connection = CertificateCase.Connection()
        (connection.handshake, connection.hasSentData, connection.attempt) = (handshake, sentData, attempt)
        (connection.offersProtocols, connection.asksForStapledResponse) = (offers, offers)
        connection.asksForWebSocket = asksForWebSocket
        return connection
    }

    typealias Row = (
        test: CertificateCase, outcomes: [CertificateCase.Outcome], connections: [CertificateCase.Connection],
        verdict: ClientVerificationReport.Entry.Verdict
    )

    @Test("Every way to be right, wrong or beyond judgement has its verdict")
    func verdicts() {
        let (met, metAgain) = (Self.connection(), Self.connection(attempt: 1))
        let refusedAgain = Self.connection(.alert, attempt: 1)
        let rows: [Row] = [
            (.validEC, [.accepted], [met], .right), (.validEC, [.refused("x")], [met], .wrong),
            (.validEC, [.accepted], [], .wrong), (.validEC, [], [], .wrong), (.expired, [.accepted], [met], .wrong),
            (.expired, [.refused("x")], [Self.connection(.alert)], .right),
            (.expired, [.refused("x")], [Self.connection(sentData: true)], .wrong),
            (.expired, [.refused("x")], [], .wrong), (.expired, [.hung], [met], .wrong),
            (.expired, [.crashed("x")], [met], .wrong), (.handshakeStalled, [.hung], [met], .wrong),
            (.noCloseNotify, [.refused("x")], [Self.connection(sentData: true)], .right),
            (.noCloseNotify, [.accepted], [Self.connection(sentData: true)], .wrong),
            (.noCloseNotify, [.refused("x")], [Self.connection(sentData: true, asksForWebSocket: true)], .skipped),
            (.noCloseNotify, [.hung], [Self.connection(sentData: true, asksForWebSocket: true)], .wrong),
            (.clientCertificateAbsent, [.refused("x")], [Self.connection(sentData: true)], .right),
            (.certificateChanged, [.accepted, .refused("x")], [met, refusedAgain], .right),
            (
                .certificateChanged, [.accepted, .refused("x")], [Self.connection(sentData: true), refusedAgain], .right
            ),
            (
                .certificateChanged, [.accepted, .refused("x")],
                [met, Self.connection(sentData: true, attempt: 1), refusedAgain], .wrong
            ),
            (.certificateChanged, [.accepted, .accepted], [met, metAgain], .wrong),
            (.certificateChanged, [.accepted, .refused("x")], [met, met], .wrong),
            (.certificateChanged, [.refused("x")], [met], .wrong),
            (.certificateChanged, [.accepted, .refused("x")], [met], .wrong),
            (.ocspRevoked, [.accepted], [Self.connection(offers: false)], .skipped),
            (.ocspRevoked, [.accepted], [met], .wrong),
            (.ocspRevoked, [.hung], [Self.connection(offers: false)], .wrong),
            (.wrongProtocol, [.accepted], [Self.connection(offers: false)], .skipped),
        ]
        for row in rows {
            let entry = row.test.judge(row.outcomes, row.connections)
            #expect(entry.verdict == row.verdict, "\(row)")
        }
    }
}
