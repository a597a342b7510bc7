#if canImport(Glibc)
    import Glibc
    import Testing

    @testable import LibWebSockets

    /// What an idle connection keeps. In a process of its own, so that nobody else's memory counts.
    @Suite(.hangs) struct WebSocketMemoryTests {
        private static let pairs = 4
        private static let burst = 100_000

        /// The memory that the process has of the system, once malloc(3) has returned what it does not need.
        private static func resident() throws -> Int {
            if let trim = dlsym(nil, "malloc_trim") {
                _ = unsafeBitCast(trim, to: (@convention(c) (Int) -> CInt).self)(0)
            }
            let file = try #require(fopen("/proc/self/statm", "r"))
            defer { fclose(file) }
            var line = [CChar](repeating: 0, count: 200)
            try #require(fgets(&line, CInt(line.count), file) != nil)
            // proc_pid_statm(5): the second number is that of resident pages.
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let fields = text.split(separator: " ")
            return try #require(Int(fields[1])) * Int(sysconf(CInt(_SC_PAGESIZE)))
        }

        // The sanitizer keeps what was freed.
        @Test(
            "A connection keeps next to nothing of a burst of small messages, whichever way it went",
            .disabled(if: dlsym(nil, "__asan_init") != nil, "the address sanitizer keeps freed memory"))
        func afterBurst() async {
            await #expect(processExitsWith: .success) {
                try await withServer { pair in
                    var ends: [(client: WebSocket, server: WebSocket)] = []
                    for _ in 0..<Self.pairs { ends.append(try await pair.connectPair()) }
                    func exchange(_ count: Int) async throws {
                        for (client, server) in ends {
                            for (sender, receiver) in [(client, server), (server, client)] {
                                async let sending: Void = {
                                    for _ in 0..<count { try await sender.send("small") }
                                }()
                                var received = 0
                                while received < count, let batch = try await receiver.nextMessages() {
                                    received += batch.count
                                }
                                try await sending
                            }
                        }
                    }
                    try await exchange(1)
                    let before = try Self.resident()
                    try await exchange(Self.burst)
                    let each = (try Self.resident() - before) / Self.pairs / 2
                    // Pages are coarse, and the process has other memory.
                    #expect(each < 256 << 10, "\(each) bytes")
                    // One message has no room for thousands.
                    try await ends[0].server.send("one")
                    let batch = try #require(try await ends[0].client.nextMessages())
                    #expect(batch.capacity < 10)
                }
            }
        }
    }
#endif
