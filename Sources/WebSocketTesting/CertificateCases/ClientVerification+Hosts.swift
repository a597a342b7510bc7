internal import LibC

extension ClientVerification {
    /// The time limit of a look-up: names of this machine are known at once, and a name server that is asked in vain must
    /// not hold up the run.
    private static let patience = Duration.seconds(2)

    /// The hosts of the cases that this machine does not find.
    static func unknownHosts(of cases: [CertificateCase]) async -> Set<String> {
        let hosts = Set(cases.flatMap(\.facts.attempts).map(\.host).filter(\.mayBeUnknown).map(\.text))
        return await withTaskGroup(of: (String, Bool).self) { group in
            for host in hosts { group.addTask { (host, await isKnown(host)) } }
            var unknown: Set<String> = []
            for await (host, isKnown) in group where !isKnown { unknown.insert(host) }
            return unknown
        }
    }

    private static func isKnown(_ host: String) async -> Bool {
        let (answers, answer) = AsyncStream.makeStream(of: Bool.self)
        // getaddrinfo(3) cannot be interrupted, so its thread is left alone when it takes too long.
        let thread = try? FaultServerThread {
            var list: UnsafeMutablePointer<addrinfo>?
            let isFound = getaddrinfo(host, nil, nil, &list) == 0
            if let list { freeaddrinfo(list) }
            answer.yield(isFound)
            answer.finish()
        }
        guard let thread else { return false }
        thread.detach()
        let watchdog = Task {
            try await Task.sleep(for: patience)
            answer.finish()
        }
        defer { watchdog.cancel() }
        for await isFound in answers { return isFound }
        return false
    }
}
