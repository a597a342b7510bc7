import Foundation
import Testing
import WebSocketTesting

@testable import LibWebSockets

/// Answers to the opening handshake that are broken at random, over real sockets, so that whatever stands between the socket
/// and the parser sees them too.
@Suite("Answers to the opening handshake that are broken at random", .hangs) struct MutatedAnswerTests {
    /// More of them with `MUTATED_ANSWERS=12000` in the environment.
    private static let total = ProcessInfo.processInfo.environment["MUTATED_ANSWERS"].flatMap { Int($0) } ?? 400
    private static let perServer = 100

    private static let answers = [
        "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nthe \r\nffffffff\r\nreason\r\n0\r\n\r\n",
        "HTTP/1.1 403 Forbidden\nServer: s\nContent-Length: 10\n\nthe reason",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
            + "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nContent-Length: 0\r\n\r\n\u{1}\u{2}hi",
        "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nSet-Cookie: a=1\r\n folded\r\nno colon\r\nContent-Length: 5\r\n\r\nlater",
        "HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 80000000000000000000\r\n\r\nx",
    ]

    private static func mutate(_ bytes: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 0...4, using: &generator) where !bytes.isEmpty {
            let place = bytes.indices.randomElement(using: &generator) ?? 0
            switch Int.random(in: 0..<5, using: &generator) {
            case 0: bytes[place] = .random(in: 0...255, using: &generator)
            case 1: bytes.remove(at: place)
            case 2: bytes.insert(Array("\r\n:; \0f9".utf8).randomElement(using: &generator) ?? 0, at: place)
            case 3: bytes.insert(contentsOf: bytes[place...].prefix(20), at: place)
            default: bytes.removeSubrange(place...)
            }
        }
        return bytes
    }

    @Test("Every answer is an error or a connection, and the loop goes on")
    func mutated() async throws {
        var generator = SeededGenerator(seed: 11)
        let loop = SocketLoop.forTest()
        var (opened, codes) = (0, Set<WebSocketError.Code>())
        for first in stride(from: 0, to: Self.total, by: Self.perServer) {
            let scripts = (0..<Self.perServer).map { number -> [FaultServer.Step] in
                let answer = Array(Self.answers[(first + number) % Self.answers.count].utf8)
                let ends: [FaultServer.Step] = [.reset, .shutDownWriting]
                return [
                    .readRequest, .write(Self.mutate(answer, using: &generator)),
                    ends.randomElement(using: &generator) ?? .reset,
                ]
            }
            let server = try FaultServer(scripts: scripts)
            defer { server.stop() }
            for _ in scripts {
                do {
                    try await WebSocket.connect(to: server.url(), on: loop).abort()
                    opened += 1
                } catch let error as WebSocketError {
                    codes.insert(error.code)
                }
            }
        }
        #expect(codes.isSuperset(of: [.invalidHandshake, .upgradeRefused]))
        #expect(opened == 0, "an answer without the right Sec-WebSocket-Accept was taken")
        // It still serves.
        try await withServer(handler: ServerPair.echo) { pair in
            let socket = try await WebSocket.connect(to: pair.server.url, on: loop)
            try await socket.send("still")
            #expect(try await socket.receive(1) == [.text("still")])
            await socket.close()
        }
        await loop.shutDown()
    }
}
