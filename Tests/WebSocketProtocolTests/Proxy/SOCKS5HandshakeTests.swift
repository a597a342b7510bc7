import Testing
import WebSocketTesting

@testable import WebSocketProtocol

@Suite struct SOCKS5HandshakeTests {
    private static let target = "wss://feed.example.com:8443/"
    private static let name = Array("feed.example.com".utf8)
    private static let request: [UInt8] = [5, 1, 0, 3, 16] + name + [0x20, 0xFB]
    private static let credentials = Endpoint.Credentials(user: "user", password: "geheim")
    private static let authentication: [UInt8] = [1, 4] + Array("user".utf8) + [6] + Array("geheim".utf8)
    private static let bound: [UInt8] = [5, 0, 0, 1, 192, 0, 2, 1, 0x1F, 0x90]

    /// The result of one answer of the proxy that arrives in `pieces`.
    private func receive(
        _ handshake: inout SOCKS5Handshake, _ pieces: ArraySlice<UInt8>...
    ) throws(SOCKS5Failure) -> SOCKS5Handshake.Action {
        var action = SOCKS5Handshake.Action.needsMoreBytes
        for piece in pieces {
            #expect(action == .needsMoreBytes)
            action = try Array(piece).withUnsafeBufferPointer { buffer throws(SOCKS5Failure) in
                try handshake.receive(UnsafeRawBufferPointer(buffer))
            }
        }
        return action
    }

    private func make(
        _ url: String = target, _ credentials: Endpoint.Credentials? = nil
    ) throws -> SOCKS5Handshake {
        try SOCKS5Handshake(target: Endpoint(url), credentials: credentials)
    }

    // MARK: - The way to a tunnel

    @Test("Without credentials a tunnel takes two answers, wherever they are cut")
    func twoAnswersWithoutCredentials() throws {
        let method: [UInt8] = [5, 0]
        let reply = Self.bound + [0x16, 3, 1]
        for methodCut in method.indices {
            for cut in Self.bound.indices {
                var handshake = try make()
                #expect(handshake.greeting == [5, 1, 0])
                #expect(
                    try receive(&handshake, method[..<methodCut], method[methodCut...]) == .send(Self.request))
                let action = try receive(&handshake, reply[..<cut], reply[cut...])
                #expect(action == .connected(consumed: Self.bound.count - cut))
                #expect(try receive(&handshake, [0x16, 3]) == .needsMoreBytes)
            }
        }
    }

    @Test("With credentials it takes three, and the proxy may do without them")
    func threeAnswersWithCredentials() throws {
        for cut in 0...1 {
            var handshake = try make(Self.target, Self.credentials)
            #expect(handshake.greeting == [5, 2, 0, 2])
            #expect(try receive(&handshake, [5], [2]) == .send(Self.authentication))
            let accepted: [UInt8] = [1, 0]
            #expect(try receive(&handshake, accepted[..<cut], accepted[cut...]) == .send(Self.request))
            #expect(try receive(&handshake, Self.bound[...]) == .connected(consumed: 10))
        }
        var handshake = try make(Self.target, Self.credentials)
        #expect(try receive(&handshake, [5, 0]) == .send(Self.request))
        #expect(try receive(&handshake, Self.bound[...]) == .connected(consumed: 10))
    }

    @Test("One byte at a time is enough") func oneByteAtATime() throws {
        var handshake = try make(Self.target, Self.credentials)
        var sent: [[UInt8]] = []
        for byte in [5, 2] + [1, 0] + Self.bound.dropLast() {
            switch try receive(&handshake, [byte]) {
            case .needsMoreBytes: continue
            case .send(let bytes): sent.append(bytes)
            case .connected: Issue.record("connected too early")
            }
        }
        #expect(sent == [Self.authentication, Self.request])
        #expect(try receive(&handshake, [Self.bound[9]]) == .connected(consumed: 1))
    }

    @Test(
        "A server is asked for by address or by name",
        arguments: [
            ("wss://192.0.2.255/", [1, 192, 0, 2, 255, 0x01, 0xBB]),
            (
                "ws://[2001:db8::ffff:192.0.2.1]/",
                [4, 0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 1, 0, 80]
            ),
            ("ws://[::]:1", [4] + [UInt8](repeating: 0, count: 16) + [0, 1]),
            ("ws://[1:2:3:4:5:6:7:8]:1", [4, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8, 0, 1]),
            ("ws://A.test:65535", [3, 6] + Array("a.test".utf8) + [0xFF, 0xFF]),
        ] as [(String, [UInt8])])
    func serverIsAskedByAddressOrName(url: String, address: [UInt8]) throws {
        var handshake = try make(url)
        #expect(try receive(&handshake, [5, 0]) == .send([5, 1, 0] + address))
    }

    @Test(
        "The address that the proxy has bound can be of any type",
        arguments: [
            [1, 0, 0, 0, 0], [4] + [UInt8](repeating: 9, count: 16), [3, 0], [3, 1, 0x61],
            [3, 255] + [UInt8](repeating: 0x61, count: 255),
        ] as [[UInt8]])
    func boundAddressOfAnyType(address: [UInt8]) throws {
        let reply: [UInt8] = [5, 0, 0] + address + [0, 80]
        for cut in 0..<reply.count {
            var handshake = try make()
            #expect(try receive(&handshake, [5, 0]) == .send(Self.request))
            let action = try receive(&handshake, reply[..<cut], reply[cut...] + [1, 2])
            #expect(action == .connected(consumed: reply.count - cut))
        }
    }

    // MARK: - Refusals

    @Test(
        "Each refusal is a sentence, as soon as its code is there",
        arguments: [
            (1, "general failure of the proxy"), (2, "its rules do not allow this connection"),
            (3, "the server's network is unreachable for it"),
            (4, "the server is unreachable for it, or it does not find the server's name"),
            (5, "the server refused the connection"), (6, "the way to the server is too long (TTL expired)"),
            (7, "it does not know the command CONNECT"), (8, "it does not know this type of address"),
            (9, "the reason has no meaning in SOCKS5"), (255, "the reason has no meaning in SOCKS5"),
        ] as [(UInt8, String)])
    func refusalIsASentence(code: UInt8, words: String) throws {
        var handshake = try make()
        _ = try receive(&handshake, [5, 0])
        let failure = #expect(throws: SOCKS5Failure.self) { try receive(&handshake, [5], [code]) }
        #expect(failure?.reason == .refused(reply: code))
        #expect(
            failure?.description == "The proxy did not connect: \(words) (reply \(code), RFC 1928 section 6).")
        #expect(try receive(&handshake, Self.bound[...]) == .needsMoreBytes)
    }

    @Test(
        "A choice of method that leads nowhere fails with what is wrong with it",
        arguments: [
            (false, [4, 0], .notSOCKS5(firstByte: 4), "its answer begins with byte 4 instead of 5"),
            (false, Array("HTTP/1.1 400".utf8), .notSOCKS5(firstByte: 0x48), "does not speak SOCKS5, but perhaps HTTP"),
            (
                false, [5, 0xFF], .noAcceptableMethod(credentialsOffered: false),
                "The proxy wants authentication, and no user name and password are configured for it"
            ),
            (
                true, [5, 0xFF], .noAcceptableMethod(credentialsOffered: true),
                "The proxy accepts neither a user name with a password nor no authentication"
            ),
            (false, [5, 2], .unofferedMethod(2), "The proxy chose authentication method 2, which was not offered"),
            (true, [5, 1], .unofferedMethod(1), "method 1, which was not offered (RFC 1928 section 3)."),
            (false, [5, 0, 5], .answerBeforeQuestion, "it goes on before it was asked"),
        ] as [(Bool, [UInt8], SOCKS5Failure.Reason, String)])
    func uselessMethodIsRefused(
        withCredentials: Bool, answer: [UInt8], reason: SOCKS5Failure.Reason, words: String
    ) throws {
        var handshake = try make(Self.target, withCredentials ? Self.credentials : nil)
        let failure = #expect(throws: SOCKS5Failure.self) { try receive(&handshake, answer[...]) }
        #expect(failure?.reason == reason)
        #expect(failure?.description.contains(words) == true, "\(failure?.description ?? "")")
    }

    @Test("Credentials that the proxy refuses fail with its status, and answers that are none are told apart")
    func refusedCredentialsFail() throws {
        func failure(to answer: [UInt8]) throws -> SOCKS5Failure? {
            var handshake = try make(Self.target, Self.credentials)
            _ = try receive(&handshake, [5, 2])
            return #expect(throws: SOCKS5Failure.self) { try receive(&handshake, answer[...]) }
        }
        #expect(
            try failure(to: [1, 1])?.description
                == "The proxy refused the user name or the password: status 1 (RFC 1929 section 2).")
        #expect(try failure(to: [1, 0xFF])?.reason == .credentialsRefused(status: 255))
        #expect(
            try failure(to: [5, 0])?.description == "The proxy's answer breaks SOCKS5: version 5 of its answer to the "
                + "credentials is not 1 (RFC 1929 section 2).")
        #expect(try failure(to: [1, 0, 5])?.reason == .answerBeforeQuestion)
    }

    @Test(
        "A reply that breaks SOCKS5 fails with what breaks it",
        arguments: [
            ([1, 0, 0, 1], "version 1 of its reply is not 5"), ([5, 0, 0, 0, 0], "an address of the unknown type 0"),
            ([5, 0, 0, 2, 0], "an address of the unknown type 2"),
        ] as [([UInt8], String)])
    func brokenReplyFails(reply: [UInt8], words: String) throws {
        var handshake = try make()
        _ = try receive(&handshake, [5, 0])
        let failure = #expect(throws: SOCKS5Failure.self) { try receive(&handshake, reply[...]) }
        #expect(failure?.description.contains(words) == true, "\(failure?.description ?? "")")
    }

    // MARK: - What a user passes in

    @Test("User name and password have 1 to 255 bytes") func credentialsHaveBounds() throws {
        let longest = String(repeating: "x", count: 255)
        var handshake = try make(Self.target, Endpoint.Credentials(user: longest, password: longest))
        let bytes = [255] + Array(longest.utf8)
        #expect(try receive(&handshake, [5, 2]) == .send([1] + bytes + bytes))
        let pairs =
            [("", "p", "user name", 0), ("u", "", "password", 0), (longest + "x", "p", "user name", 256)]
            + [("u", longest + "x", "password", 256), (String(repeating: "é", count: 128), "p", "user name", 256)]
        for (user, password, what, count) in pairs {
            let error = #expect(throws: InvalidProxyRequest.self) {
                try SOCKS5Handshake(
                    target: Endpoint(Self.target), credentials: Endpoint.Credentials(user: user, password: password))
            }
            #expect(
                error?.description
                    == "The \(what) for the SOCKS5 proxy has \(count) bytes: it must have 1 to 255 (RFC 1929 section 2)."
            )
        }
    }

    @Test("An address that means something on this machine only is refused") func localAddressIsRefused() {
        let error = #expect(throws: InvalidProxyRequest.self) { try make("wss://[fe80::1%25eth0]/") }
        #expect(error?.description.contains("has the zone \"eth0\"") == true)
    }

    // MARK: - Anything

    @Test("12,000 mutated conversations come to one end, however they are cut")
    func mutated() throws {
        var generator = SeededGenerator(seed: 13)
        var ends: [String: Int] = [:]
        for round in 0..<12_000 {
            // Each answer is mutated by itself: what comes before its question ends the conversation.
            let answers: [[UInt8]] = [[5, 2], [1, 0], Self.bound].map { answer in
                Int.random(in: 0..<3, using: &generator) == 0 ? generator.mutate(answer) : answer
            }
            let whole = try end(answers.map { [$0] })
            let cut = try end(
                answers.map { answer in
                    let edges = [0] + generator.cuts(answer.count, maximum: 4) + [answer.count]
                    return zip(edges, edges.dropFirst()).map { Array(answer[$0..<$1]) }
                })
            // The place where an answer goes on too long depends on what had arrived when it was complete.
            if !whole.contains("answerBeforeQuestion"), !cut.contains("unasked") {
                if cut != whole { Issue.record("round \(round): \(cut) instead of \(whole): \(answers)") }
            }
            ends[String(whole.prefix(9)), default: 0] += 1
        }
        #expect(ends.count > 3, "\(ends)")
    }

    private func end(_ answers: [[[UInt8]]]) throws -> String {
        var handshake = try make(Self.target, Self.credentials)
        for answer in answers {
            var isAnswered = false
            for piece in answer where !piece.isEmpty {
                if isAnswered { return "unasked" }
                do {
                    switch try receive(&handshake, piece[...]) {
                    case .needsMoreBytes: break
                    case .send: isAnswered = true
                    case .connected: return "connected"
                    }
                } catch {
                    return "\(error.reason)"
                }
            }
            if !isAnswered { return "waiting" }
        }
        return "waiting"
    }
}
