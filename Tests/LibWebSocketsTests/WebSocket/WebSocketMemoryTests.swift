#if canImport(Glibc)
    import Foundation
    import TestSupport
    import Testing
    import WebSocketTesting

    @testable import LibWebSockets

    /// The memory that an idle connection keeps. In a process of its own, so that nobody else's memory counts.
    @Suite(.hangs) struct WebSocketMemoryTests {
        private static let pairs = 12
        private static let burst = 100_000

        /// The memory that was allocated and not freed, in bytes, by malloc_info(3). The number of the process's pages says
        /// less, as they are coarse and kept.
        private static func allocated() throws -> Int {
            let symbol = try #require(dlsym(nil, "malloc_info"))
            let report = unsafeBitCast(
                symbol, to: (@convention(c) (CInt, UnsafeMutablePointer<FILE>?) -> CInt).self)
            var (text, size): (UnsafeMutablePointer<CChar>?, Int) = (nil, 0)
            let file = try #require(open_memstream(&text, &size))
            _ = report(0, file)
            fclose(file)
            defer { free(text) }
            // The totals stand behind those of each arena.
            let totals = String(cString: try #require(text)).components(separatedBy: "</heap>").last ?? ""
            func bytes(_ element: String) throws -> Int {
                let start = try #require(totals.range(of: "<\(element)\""))
                let size = try #require(totals[start.upperBound...].range(of: " size=\""))
                return try #require(Int(totals[size.upperBound...].prefix { $0.isNumber }))
            }
            return try bytes("system type=\"current") - bytes("total type=\"fast") - bytes("total type=\"rest")
                + bytes("total type=\"mmap")
        }

        // The sanitizer keeps what was freed.
        @Test(
            "An idle connection over TLS, once it has carried a burst of small messages both ways, keeps next to nothing of it",
            .disabled(if: dlsym(nil, "__asan_init") != nil, "the address sanitizer keeps freed memory"))
        func afterBurst() async {
            await #expect(processExitsWith: .success) {
                try await withServer(.tls) { pair in
                    func exchange(_ ends: [(client: WebSocket, server: WebSocket)]) async throws {
                        for (client, server) in ends {
                            for (sender, receiver) in [(client, server), (server, client)] {
                                // Unread, it fills the receiver up, then the system's buffers and the sender.
                                for _ in 0..<Self.burst { try await sender.send("small") }
                                var received = 0
                                while received < Self.burst, let batch = try await receiver.nextMessages() {
                                    received += batch.count
                                }
                            }
                        }
                    }
                    // The rest that the process needs: the contexts, the loops with their buffers.
                    let first = try await pair.connectPair()
                    try await exchange([first])
                    func used() throws -> Int { try Self.allocated() - SocketLoop.shared.frameBuffers.keptByteCount }
                    let before = try used()
                    var ends: [(client: WebSocket, server: WebSocket)] = []
                    for _ in 0..<Self.pairs { ends.append(try await pair.connectPair()) }
                    try await exchange(ends)
                    let each = (try used() - before) / Self.pairs / 2
                    // Half of the 31 to 90 KB that were seen is OpenSSL's; what malloc(3) keeps free for each thread counts too.
                    #expect(each <= 128 << 10, "\(each) bytes")
                    // One message has no room for thousands.
                    try await ends[0].server.send("one")
                    let batch = try #require(try await ends[0].client.nextMessages())
                    #expect(batch.capacity < 10)
                }
            }
        }

        @Test(
            "What a connection has received of an unfinished message goes with its end, not with the `WebSocket`",
            .disabled(if: dlsym(nil, "__asan_init") != nil, "the address sanitizer keeps freed memory"),
            arguments: [false, true])
        func afterTheEnd(isViolation: Bool) async {
            await #expect(processExitsWith: .success) { [isViolation] in
                let unfinished: [FaultServer.Step] = [
                    .upgrade(), .write(.binary([UInt8](repeating: 7, count: 4 << 20), isFinal: false)),
                ]
                let end: [FaultServer.Step] =
                    isViolation ? [.write(.text("inside")), .readUntilEnd] : [.shutDownWriting]
                try await FaultServer.withServer(unfinished + end) { server in
                    var ended = [try await Self.ended(server)]
                    func used() throws -> Int { try Self.allocated() - SocketLoop.shared.frameBuffers.keptByteCount }
                    let before = try used()
                    for _ in 0..<8 { ended.append(try await Self.ended(server)) }
                    let each = (try used() - before) / 8
                    #expect(each < 1 << 20, "\(each) bytes")
                    withExtendedLifetime(ended) {}
                }
            }
        }

        private static func ended(_ server: FaultServer) async throws -> WebSocket {
            let configuration = WebSocketConfiguration(closeTimeout: .milliseconds(10))
            let socket = try await WebSocket.connect(to: server.url(), configuration: configuration)
            await #expect(throws: WebSocketError.self) { try await socket.receiveAll() }
            // Its pipe ends a moment later.
            try await eventually { OpenSockets.connected(to: Int(server.port)) == 0 }
            return socket
        }
    }
#endif
