import HTTPTypes
import Testing
import WebSocketProtocol
import WebSocketTesting

@testable import LibWebSockets

/// The faults of servers towards a client that follows their redirects.
@Suite("Servers that redirect", .hangs) struct RedirectFaultTests {
    private func redirect(to location: String) -> [FaultServer.Step] {
        [.readRequest, .respond(status: 302, headers: [("Location", location)])]
    }

    /// Everything that may tell who connects.
    private func personal(_ redirects: RedirectPolicy) -> WebSocketConfiguration {
        WebSocketConfiguration(
            headers: [
                .authorization: "Bearer SECRET", .cookie: "session=SECRET", .userAgent: "SECRET/1.0",
                .origin: "https://SECRET.test", HTTPField.Name("X-API-Key")!: "SECRET",
            ], subprotocols: ["token.SECRET"],
            // Between two hops the task waits for a thread: while all tests run at once that may take its time.
            connectTimeout: .seconds(600), redirects: redirects)
    }

    private func head(
        afterRedirectWith redirects: RedirectPolicy, from credentials: String = ""
    ) async throws -> String {
        try await FaultServer.withServer([.upgrade(), .readClose]) { second in
            try await FaultServer.withServer(redirect(to: second.url(path: "/there"))) { first in
                let url = "ws://\(credentials)127.0.0.1:\(first.port)/SECRET"
                let socket = try await WebSocket.connect(to: url, configuration: personal(redirects))
                await socket.close()
                #expect(try await first.transcript().requestHead?.contains("X-API-Key: SECRET") == true)
                return try #require(try await second.transcript().requestHead)
            }
        }
    }

    @Test("Nothing that may tell who connects goes to another origin", arguments: ["", "user:SECRET@"])
    func otherOrigin(credentials: String) async throws {
        let head = try await head(afterRedirectWith: .follow(), from: credentials)
        #expect(head.hasPrefix("GET /there HTTP/1.1\r\n"))
        #expect(!head.contains("SECRET"), "\(head)")
        #expect(!head.lowercased().contains("authorization"), "\(head)")
    }

    @Test("Everything goes to another origin when asked for")
    func trustedOrigin() async throws {
        let head = try await head(afterRedirectWith: .follow(trustingOtherOrigins: true))
        for line in [
            "Bearer SECRET", "session=SECRET", "SECRET/1.0", "https://SECRET.test", "X-API-Key: SECRET",
            "token.SECRET",
        ] {
            #expect(head.contains(line), "\(head)")
        }
    }

    @Test("A client certificate stays with its origin unless asked for")
    func clientCertificate() throws {
        let origin = try Endpoint("wss://a.test/")
        let identity = TLSIdentity.pem(certificateChain: "certificate", privateKey: "key")
        let refusal = UpgradeRefusal(
            status: .found, headers: [.location: "wss://b.test/"], body: [], retryAfter: nil)
        let redirect = try #require(try Redirect(refusal, from: origin))
        for trusts in [false, true] {
            var configuration = personal(.follow(trustingOtherOrigins: trusts))
            configuration.tls.clientIdentity = identity
            let next = configuration.redirected(by: redirect, from: origin)
            #expect((next.tls.clientIdentity != nil) == trusts)
            #expect(next.redirects.limit == 4)
        }
    }

    @Test("What names the first origin's server does not lead to another", arguments: [false, true])
    func serverNameAndPath(trusts: Bool) throws {
        let origin = try Endpoint("wss://a.test/")
        var configuration = personal(.follow(trustingOtherOrigins: trusts))
        configuration.tls.serverName = "tenant.internal"
        configuration.unixSocketPath = "/run/a.sock"
        for (location, name) in [("wss://b.test/", nil), ("/login", "tenant.internal")] as [(String, String?)] {
            let next = configuration.redirected(by: try redirect(to: location, from: origin), from: origin)
            #expect(next.tls.serverName == name)
            #expect((next.unixSocketPath == nil) == (name == nil))
        }
    }

    @Test(
        "A reference is told from a URL by its scheme",
        arguments: [
            ("login?next=https://x.test/", "/a/login?next=https://x.test/"), ("b/c:d", "/a/b/c:d"),
            ("?u=wss://x.test/", "/a/?u=wss://x.test/"), ("wss://a.test/b", "/b"),
        ])
    func reference(location: String, target: String) throws {
        let redirect = try redirect(to: location, from: Endpoint("wss://a.test/a/"))
        #expect(redirect.endpoint.target == target)
        #expect(redirect.isSameOrigin)
    }

    @Test("A URL of another kind is not followed", arguments: ["javascript:alert(1)", "unix:/run/x", "ws:/a"])
    func otherSchemes(location: String) throws {
        #expect(throws: WebSocketError.self) { try redirect(to: location, from: Endpoint("wss://a.test/a/")) }
    }

    @Test(
        "No redirect leads out of TLS, wherever it leads",
        arguments: ["ws://a.test/", "ws://a.test:443/", "http://a.test/", "ws://b.test/"])
    func insecure(location: String) throws {
        let error = #expect(throws: WebSocketError.self) {
            try redirect(to: location, from: Endpoint("wss://a.test/"))
        }
        #expect(error?.message.contains("it leads from wss: to an insecure ws://") == true, "\(error?.message ?? "")")
    }

    private func redirect(to location: String, from origin: Endpoint) throws -> Redirect {
        let refusal = UpgradeRefusal(status: .found, headers: [.location: location], body: [], retryAfter: nil)
        return try #require(try Redirect(refusal, from: origin))
    }

    @Test("A redirect is followed whose body never ends")
    func endlessBody() async throws {
        try await FaultServer.withServer([.upgrade(), .readClose]) { second in
            let head = "HTTP/1.1 302 Found\r\nLocation: \(second.url(path: "/there"))\r\n"
            for body in ["Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "\r\nMoved", "Content-Length: 99\r\n\r\n"]
            {
                try await FaultServer.withServer([.readRequest, .write(head + body), .stall]) { first in
                    let configuration = WebSocketConfiguration(connectTimeout: .seconds(600), redirects: .follow())
                    let socket = try await WebSocket.connect(to: first.url(), configuration: configuration)
                    await socket.close()
                }
            }
        }
    }

    @Test("One deadline holds for all hops together")
    func deadline() async throws {
        // A server that always sends the client on, just in time.
        let server = try FaultServer(scripts: [
            [
                .readRequest, .pause(.milliseconds(150)), .respond(status: 307, headers: [("Location", "/again")]),
            ]
        ])
        defer { server.stop() }
        let configuration = WebSocketConfiguration(
            connectTimeout: .milliseconds(400), redirects: .follow(limit: 1_000))
        let error = try await #require(throws: WebSocketError.self) {
            try await WebSocket.connect(to: server.url(), configuration: configuration)
        }
        #expect(error.code == .timedOut)
        #expect(error.message.contains("it took longer than 0.4 seconds (connectTimeout)"), "\(error.message)")
        #expect(server.connectionCount <= 3)
    }

    @Test("A hop for which earlier ones have left no time is not tried, and the error speaks of redirects")
    func noTimeLeft() async throws {
        let server = try FaultServer(scripts: [[.upgrade()]])
        defer { server.stop() }
        let plan = try ConnectAttempt.Plan(endpoint: Endpoint(server.url()), configuration: WebSocketConfiguration())
        let error = try await #require(throws: WebSocketError.self) {
            try await ConnectAttempt.run(plan, within: .milliseconds(-1), on: .shared)
        }
        #expect(error.code == .timedOut)
        #expect(error.stage == .upgrade)
        #expect(error.message.contains("redirects count too, before ws://127.0.0.1:"), "\(error.message)")
        #expect(server.connectionCount == 0)
    }

    @Test(
        "A redirect that leads nowhere, or to two places, says what it is and what to do",
        arguments: [
            ([], "has no Location header, so that it leads nowhere"),
            ([("Location", "")], "has an empty Location header, so that it leads nowhere"),
            ([("Location", "/a"), ("Location", "/b")], "has several Location headers"),
        ] as [([(name: String, value: String)], String)], [RedirectPolicy.report, .follow()])
    func nowhere(row: (headers: [(name: String, value: String)], reason: String), redirects: RedirectPolicy)
        async throws
    {
        let server = try FaultServer(scripts: [[.readRequest, .respond(status: 302, headers: row.headers)]])
        defer { server.stop() }
        let error = try await #require(throws: WebSocketError.self) {
            try await WebSocket.connect(
                to: server.url(), configuration: WebSocketConfiguration(redirects: redirects))
        }
        #expect(error.code == .upgradeRefused)
        #expect(error.refusal?.status.code == 302)
        #expect(error.message.contains("redirects"), "\(error.message)")
        #expect(error.message.contains(row.reason), "\(error.message)")
        #expect(error.message.contains("check the URL"), "\(error.message)")
    }

    @Test("Where the way on cannot be asked for, the redirect is what failed, and not the program's configuration")
    func tooLong() async throws {
        let location = "/" + String(repeating: "x", count: 17_000)
        try await FaultServer.withServer(redirect(to: location)) { server in
            let error = try await #require(throws: WebSocketError.self) {
                try await WebSocket.connect(to: server.url(), configuration: .init(redirects: .follow()))
            }
            #expect(error.code == .upgradeRefused)
            #expect(error.refusal?.status == .found)
            #expect(error.message.contains("redirects with status 302, which cannot be followed: "))
        }
    }
}
