internal import LibWebSockets

/// One run of a client through cases.
package struct ClientVerification: Sendable {
    /// A connection that the client is to make.
    package struct Connection: Sendable {
        package let url: String
        package let trust: CertificateCase.Trust
    }

    package typealias Client = @Sendable (Connection) async throws -> CertificateCase.Outcome

    let cases: [CertificateCase]
    let timeLimit: Duration
    let limit: Int
    let connectsByAddress: Bool
    let scheme: String
    /// Returns the reason why a case says nothing about this client; `nil` for one that does.
    let reasonToSkip: @Sendable (CertificateCase) -> String?

    package init(
        _ cases: [CertificateCase], within timeLimit: Duration, concurrently limit: Int, connectsByAddress: Bool,
        scheme: String = "wss", reasonToSkip: @escaping @Sendable (CertificateCase) -> String? = { _ in nil }
    ) {
        self.cases = cases
        self.timeLimit = max(timeLimit.bounded, .milliseconds(1))
        self.limit = max(limit, 1)
        self.connectsByAddress = connectsByAddress
        self.scheme = scheme
        self.reasonToSkip = reasonToSkip
    }

    /// Runs a client through the cases.
    ///
    /// - Parameter client: Cancelled when its time is over, and then not waited for.
    package func run(_ client: @escaping Client) async throws -> ClientVerificationReport {
        // A report about nothing would find nothing wrong.
        guard !cases.isEmpty else { throw FaultServerError(description: "verifyClient: there is no case to run") }
        let servers = try CertificateCaseServers.start(cases)
        defer { servers.stop() }
        let files = try CaseFiles(servers)
        defer { files.remove() }
        let unknownHosts = connectsByAddress ? [] : await Self.unknownHosts(of: cases)

        var entries: [CertificateCase: ClientVerificationReport.Entry] = [:]
        try await withThrowingTaskGroup(of: ClientVerificationReport.Entry.self) { group in
            var waiting = CertificateCase.allCases.filter(cases.contains)[...]
            func begin() {
                guard let test = waiting.popFirst() else { return }
                group.addTask {
                    try await verify(test, servers, files, unknownHosts: unknownHosts, client)
                }
            }
            for _ in 0..<limit { begin() }
            while let entry = try await group.next() {
                entries[entry.test] = entry
                begin()
            }
        }
        return ClientVerificationReport(entries: CertificateCase.allCases.compactMap { entries[$0] })
    }

    private func verify(
        _ test: CertificateCase, _ servers: CertificateCaseServers, _ files: CaseFiles, unknownHosts: Set<String>,
        _ client: @escaping Client
    ) async throws -> ClientVerificationReport.Entry {
        try Task.checkCancellation()
        let urls = servers.urls(of: test, scheme: scheme)
        if urls.isEmpty { return .init(test, .skipped, "this machine has no IPv6 on its loopback interface") }
        if let reason = reasonToSkip(test) { return .init(test, .skipped, reason) }
        if let host = test.connections.map(\.host).first(where: unknownHosts.contains) {
            return .init(test, .skipped, "this machine does not know \(host) (RFC 6761 section 6.3)")
        }
        defer { servers.stop(test) }
        var outcomes: [CertificateCase.Outcome] = []
        for (index, url) in urls.enumerated() {
            servers.pin(test, connection: index)
            let connection = Connection(url: url, trust: try files.trust(for: test, attempt: index, within: timeLimit))
            let outcome = try await Self.outcome(within: timeLimit) { try await client(connection) }
            outcomes.append(outcome)
            // Somebody who is wrong the first time is not asked again.
            guard case .accepted = outcome, test.facts.attempts[index].expectation == .accept else { break }
        }
        // The server's record of a client is complete only when its connections are over. A client that has ended and keeps
        // them open is not waited for.
        if case .hung = outcomes.last {} else { await servers.idle(test, within: .milliseconds(500)) }
        servers.stop(test)
        return test.judge(outcomes, servers.connections(to: test))
    }

    /// Returns the outcome of a call, or that there is none. A client may wait in a way that cannot be cancelled.
    private static func outcome(
        within limit: Duration, _ call: @escaping @Sendable () async throws -> CertificateCase.Outcome
    ) async throws -> CertificateCase.Outcome {
        let (results, result) = AsyncStream.makeStream(of: Result<CertificateCase.Outcome, any Error>.self)
        let task = Task {
            // The time counts from here on: before, the other tests take it.
            let watchdog = Task {
                try await Task.sleep(for: limit)
                result.yield(.success(.hung))
                result.finish()
            }
            let outcome = await Result(catching: call)
            watchdog.cancel()
            result.yield(outcome)
            result.finish()
        }
        defer { task.cancel() }
        // The stream ends without an element when this task is cancelled.
        for await outcome in results { return try outcome.get() }
        throw CancellationError()
    }
}

extension Result where Failure == any Error {
    fileprivate init(catching body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
