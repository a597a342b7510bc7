import Foundation
import LibWebSockets
import Testing

@Suite("The opening handshake with Python's websockets", .needsEchoServer, .timeLimit(.minutes(10)))
struct HandshakeTests {
    /// The request as the server saw it.
    struct Request: Decodable {
        let path: String
        let headers: [[String]]

        /// The values of a header, in order.
        func values(of name: String) -> [String] {
            headers.filter { $0[0].lowercased() == name.lowercased() }.map { $0[1] }
        }

        /// The request that `socket`, connected to the path `/request`, was opened with.
        init(of socket: WebSocket) async throws {
            let report = try #require(try await socket.nextText())
            self = try JSONDecoder().decode(Self.self, from: Data(report.utf8))
        }
    }

    @Test("Host with its port, headers, path and query arrive as they were written")
    func request() async throws {
        try await withSecureEchoServer { server, configuration in
            var configuration = configuration
            configuration.headers = [.authorization: "Bearer t0k3n", .userAgent: "integration/1"]
            let path = "/request/a%20b?c=%2F&d=e;f"
            // The path is what the server looks at, the query what it does not.
            let socket = try await WebSocket.connect(
                to: server.url(scheme: "wss", path: "/request?\(path)"), configuration: configuration)
            let request = try await Request(of: socket)
            await socket.close()
            #expect(request.path == "/request?\(path)")
            #expect(request.values(of: "Host") == ["localhost:\(server.port)"])
            #expect(request.values(of: "Authorization") == ["Bearer t0k3n"])
            #expect(request.values(of: "User-Agent") == ["integration/1"])
            #expect(request.values(of: "Upgrade").map { $0.lowercased() } == ["websocket"])
            #expect(request.values(of: "Connection").map { $0.lowercased() } == ["upgrade"])
            #expect(request.values(of: "Sec-WebSocket-Version") == ["13"])
            #expect(request.values(of: "Sec-WebSocket-Key").count == 1)
        }
    }

    @Test(
        "The server chooses among the subprotocols of both sides",
        arguments: [
            (["v1", "v2"], "v2"), (["v3", "v1"], "v3"), (["v1"], nil), ([], nil),
        ] as [([String], String?)])
    func subprotocol(offered: [String], chosen: String?) async throws {
        // websockets takes the first of its own that was offered, and refuses a client that offers none of them.
        try await withSecureEchoServer {
            $0.subprotocols = ["v3", "v2"]
        } _: { server, configuration in
            var configuration = configuration
            configuration.subprotocols = offered
            if let chosen {
                let socket = try await WebSocket.connect(to: server.url(scheme: "wss"), configuration: configuration)
                #expect(socket.handshake.subprotocol == chosen)
                await socket.close()
            } else {
                let error = await #expect(throws: WebSocketError.self) {
                    try await WebSocket.connect(to: server.url(scheme: "wss"), configuration: configuration)
                }
                #expect(error?.code == .upgradeRefused)
                #expect(error?.refusal?.status == .badRequest)
            }
        }
    }

    @Test("A server without subprotocols leaves the choice open")
    func noSubprotocol() async throws {
        try await withSecureEchoServer { server, configuration in
            var configuration = configuration
            configuration.subprotocols = ["v1"]
            let socket = try await WebSocket.connect(to: server.url(scheme: "wss"), configuration: configuration)
            #expect(socket.handshake.subprotocol == nil)
            await socket.close()
        }
    }

    @Test("A refusal carries status, headers, body and the delay it asks for")
    func refusals() async throws {
        try await withSecureEchoServer { server, configuration in
            for status in [400, 401, 403, 404, 410, 429, 500, 503] {
                let error = await #expect(throws: WebSocketError.self) {
                    try await WebSocket.connect(
                        to: server.url(scheme: "wss", path: "/refuse?status=\(status)&Retry-After=17&X-Reason=a%20b"),
                        configuration: configuration)
                }
                #expect(error?.code == .upgradeRefused)
                #expect(error?.stage == .upgrade)
                let refusal = try #require(error?.refusal)
                #expect(refusal.status.code == status)
                #expect(refusal.body == Array("refused by echo.py\n".utf8))
                #expect(refusal.retryAfter == .seconds(17))
                let reasons = refusal.headers.filter { $0.name.canonicalName == "x-reason" }.map(\.value)
                #expect(reasons == ["a b"])
                #expect(error?.message.contains("\(status)") == true)
            }
        }
    }

    @Test("Retry-After as a date counts from the server's own clock")
    func retryAfterDate() async throws {
        try await withSecureEchoServer { server, configuration in
            let date = "Wed,%2021%20Oct%202099%2007:28:00%20GMT"
            let error = await #expect(throws: WebSocketError.self) {
                try await WebSocket.connect(
                    to: server.url(scheme: "wss", path: "/refuse?status=503&Retry-After=\(date)"),
                    configuration: configuration)
            }
            let years = try #require(error?.refusal?.retryAfter) / .seconds(365 * 86_400)
            #expect(years > 1 && years < 100)
        }
    }
}
