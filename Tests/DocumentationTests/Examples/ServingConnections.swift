import LibWebSockets

enum ServingConnections {
    static func echo() async throws {
        let server = try await WebSocketServer.start { socket, request in
            for try await message in socket.messages {
                try await socket.send(message)
            }
        }
        print(server.url)
        await server.stop()
    }

    static func tls() async throws {
        let tls = TLSServerConfiguration(
            identity: .pemFiles(certificateChain: "server.pem", privateKey: "server.key"),
            clientCertificates: .required(.pemFile("clients-ca.pem")))
        let server = try await WebSocketServer.start(
            configuration: WebSocketServer.Configuration(port: 8443, tls: tls)
        ) { socket, _ in
            try await socket.send("hello, \(socket.tls?.peerCertificate?.subject ?? "stranger")")
        }
        _ = server
    }

    static func decide(token: String) {
        let configuration = WebSocketServer.Configuration { request in
            guard request.headers[.authorization] == "Bearer \(token)" else {
                return .refuse(.unauthorized, body: "a token is needed")
            }
            return .accept(subprotocol: request.subprotocols.contains("v2.feed") ? "v2.feed" : nil)
        }
        _ = configuration
    }
}
