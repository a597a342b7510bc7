import Foundation
import LibWebSockets
import Testing

@Suite("Redirects", .needsEchoServer, .timeLimit(.minutes(10)))
struct RedirectTests {
    /// The path of a server that redirects to `location`.
    private func path(to location: String, status: Int = 302) throws -> String {
        let value = try #require(location.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
        return "/refuse?status=\(status)&Location=\(value)"
    }

    private func refusal(
        _ server: ExternalServer, _ path: String, _ configuration: WebSocketConfiguration, scheme: String = "wss"
    ) async throws -> (UpgradeRefusal, String) {
        let error = await #expect(throws: WebSocketError.self) {
            try await WebSocket.connect(to: server.url(scheme: scheme, path: path), configuration: configuration)
        }
        #expect(error?.code == .upgradeRefused)
        return (try #require(error?.refusal), try #require(error?.message))
    }

    @Test("A redirect is reported, with its Location, unless told otherwise")
    func reported() async throws {
        try await withSecureEchoServer { server, configuration in
            let (refusal, message) = try await refusal(server, path(to: "/request"), configuration)
            #expect(refusal.status.code == 302)
            #expect(refusal.headers[.location] == "/request")
            #expect(message.contains("/request"))
        }
    }

    @Test(
        "A redirect within an origin is followed with the credentials",
        arguments: [301, 302, 303, 307, 308],
        [("/request?a=b", "/request?a=b"), ("request", "/request"), ("./x/../request", "/request")])
    func followed(status: Int, redirect: (location: String, path: String)) async throws {
        try await withSecureEchoServer { server, configuration in
            var configuration = configuration
            configuration.redirects = .follow()
            configuration.headers = [.authorization: "Bearer t0k3n", .cookie: "a=b", .userAgent: "test"]
            let socket = try await WebSocket.connect(
                to: server.url(scheme: "wss", path: path(to: redirect.location, status: status)),
                configuration: configuration)
            let request = try await HandshakeTests.Request(of: socket)
            #expect(request.path == redirect.path)
            #expect(request.values(of: "Authorization") == ["Bearer t0k3n"])
            #expect(request.values(of: "Cookie") == ["a=b"])
            await socket.close()
        }
    }

    @Test("Another origin gets nothing that may tell who connects")
    func otherOrigin() async throws {
        let fixture = try TLSFixture()
        try await withEchoServer(fixture.echoOptions) { first in
            try await withEchoServer(fixture.echoOptions) { second in
                var configuration = WebSocketConfiguration(tls: fixture.client)
                configuration.redirects = .follow()
                configuration.headers = [.authorization: "Bearer t0k3n", .cookie: "a=b", .userAgent: "test"]
                // https: is what web servers write when they mean wss:.
                for scheme in ["wss", "https"] {
                    let socket = try await WebSocket.connect(
                        to: first.url(scheme: "wss", path: path(to: second.url(scheme: scheme, path: "/request"))),
                        configuration: configuration)
                    let request = try await HandshakeTests.Request(of: socket)
                    #expect(request.values(of: "Host") == ["localhost:\(second.port)"])
                    #expect(request.values(of: "Authorization") == [])
                    #expect(request.values(of: "Cookie") == [])
                    #expect(request.values(of: "User-Agent") == [])
                    await socket.close()
                }
            }
        }
    }

    @Test("ws to wss is followed, wss to ws never")
    func security() async throws {
        let fixture = try TLSFixture()
        var configuration = WebSocketConfiguration(tls: fixture.client)
        configuration.redirects = .follow()
        try await withEchoServer { plain in
            try await withEchoServer(fixture.echoOptions) { secure in
                let socket = try await WebSocket.connect(
                    to: plain.url(scheme: "ws", path: path(to: secure.url(scheme: "wss"))),
                    configuration: configuration)
                #expect(socket.tls != nil)
                await socket.close()
                for scheme in ["ws", "http"] {
                    let (_, message) = try await refusal(
                        secure, path(to: plain.url(scheme: scheme)), configuration)
                    #expect(message.contains("insecure"))
                }
            }
        }
    }

    @Test("Only so many redirects are followed as allowed")
    func limit() async throws {
        try await withSecureEchoServer { server, configuration in
            var configuration = configuration
            let twice = try path(to: path(to: "/request"))
            configuration.redirects = .follow(limit: 2)
            let socket = try await WebSocket.connect(
                to: server.url(scheme: "wss", path: twice), configuration: configuration)
            await socket.close()
            configuration.redirects = .follow(limit: 1)
            let (refusal, _) = try await refusal(server, twice, configuration)
            #expect(refusal.headers[.location] == "/request")
        }
    }
}
