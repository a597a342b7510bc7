import Testing
import WebSocketTesting

@testable import LibWebSockets

/// Messages in pieces, and what else is sent meanwhile.
@Suite(.hangs) struct WebSocketMessageWriterTests {
    @Test("What the body sends beside its pieces is refused instead of waiting for the body's own end")
    func sendingInside() async throws {
        try await withServer { pair in
            let (client, server) = try await pair.connectPair()
            try await client.sendMessage(.text) { writer in
                try await writer.write("a")
                for _ in 0..<2 {
                    let error = try await #require(throws: WebSocketError.self) { try await client.send("b") }
                    #expect(error.code == .messageUnderWay)
                    let nested = try await #require(throws: WebSocketError.self) {
                        try await client.sendMessage(.binary) { _ in }
                    }
                    #expect(nested.code == .messageUnderWay)
                }
                // By a task of the body's too, which the body might wait for.
                await #expect(throws: WebSocketError.self) { try await Task { try await client.send("c") }.value }
                #expect(try client.trySend(.text("d")) == false)
                _ = try await client.ping()
                // Another connection has nothing to do with it.
                let (other, _) = try await pair.connectPair()
                try await other.send("elsewhere")
                try await writer.write("z")
            }
            try await client.send("after")
            #expect(try await server.receive(2) == [.text("az"), .text("after")])
        }
    }

    @Test("A task that was begun in a body sends as any other once the message is complete")
    func sendingAfterwards() async throws {
        try await withServer { pair in
            let (client, server) = try await pair.connectPair()
            let (isComplete, proceed) = AsyncStream<Void>.makeStream()
            var later: Task<Void, any Error>?
            try await client.sendMessage(.text) { writer in
                try await writer.write("first")
                later = Task {
                    for await _ in isComplete {}
                    try await client.send("later")
                }
            }
            proceed.finish()
            try await later?.value
            #expect(try await server.receive(2) == [.text("first"), .text("later")])
        }
    }
}
