import LibC
import Testing
import WebSocketTesting

@testable import LibWebSockets

/// Limits on descriptors that libwebsockets' tables do not follow. The tests run one after the other, for the reason of
/// ``SocketLoopShortageIntegrationTests``.
@Suite(.hangs) struct DescriptorTableIntegrationTests {
    @Test(
        "libwebsockets' tables have room for a limit that is raised later, and for a limit that it calls unreasonable",
        arguments: [
            (1_024, 1_048_576, 16_384), (1_024, 4_096, 4_096), (4_096, 4_096, nil), (16_384, 1_048_576, nil),
            (1_048_576, 1_048_576, nil), (10_000_000, 100_000_000, nil), (10_000_001, 100_000_000, 262_144),
            (.max, .max, 262_144),
        ] as [(rlim_t, rlim_t, rlim_t?)])
    func tableSize(softLimit: rlim_t, hardLimit: rlim_t, size: rlim_t?) {
        #expect(DescriptorTable.size(softLimit: softLimit, hardLimit: hardLimit) == size)
    }

    @Test("A connection is made under a limit that was raised after the first one")
    func raisedLimit() async {
        await #expect(processExitsWith: .success) {
            let before = ProcessLimits.set(ProcessLimits.openFiles, to: 256)
            try await withServer(handler: ServerPair.echo) { pair in
                let first = try await pair.connect()
                #expect(ProcessLimits.set(ProcessLimits.openFiles, to: before) == 256)
                let fillers = (0..<3_000).map { _ in dup(0) }
                let second = try await pair.connect()
                for socket in [first, second] {
                    try await socket.send("hello")
                    #expect(try await socket.receive(1) == [.text("hello")])
                    await socket.close()
                }
                for filler in fillers { close(filler) }
            }
        }
    }

    @Test("A connection is made under a limit of 100 million, with 3,000 files open", .enabled(if: getuid() == 0))
    func unreasonableLimit() async {
        await #expect(processExitsWith: .success) {
            // The system has a limit of its own on the limit (fs.nr_open).
            guard ProcessLimits.setHard(ProcessLimits.openFiles, to: 100_000_000) else { return }
            let fillers = (0..<3_000).map { _ in dup(0) }
            try await withServer(handler: ServerPair.echo) { pair in
                let socket = try await pair.connect()
                try await socket.send("hello")
                #expect(try await socket.receive(1) == [.text("hello")])
                await socket.close()
            }
            #expect(ProcessLimits.set(ProcessLimits.openFiles, to: 100_000_000) == 100_000_000)
            for filler in fillers { close(filler) }
        }
    }

    @Test("A descriptor above libwebsockets' table is refused as a shortage, and closed")
    func descriptorAboveTheTable() async {
        await #expect(processExitsWith: .success) {
            try await SocketLoopShortageIntegrationTests.warmUp()
            let before = ProcessLimits.set(ProcessLimits.openFiles, to: 256)
            let loop = SocketLoop()
            try await loop.run { _ in }
            // There is nothing to test where the hard limit leaves no room above the table.
            _ = ProcessLimits.set(ProcessLimits.openFiles, to: before)
            var pair: [CInt] = [0, 0]
            #expect(pipe(&pair) == 0)
            let high = fcntl(pair[0], F_DUPFD, CInt(DescriptorTable.minimumSize))
            guard high >= 0 else { return }
            let error = try await loop.run { core -> WebSocketError? in
                do throws(WebSocketError) {
                    _ = try core.adopt(high, as: LoopSocket(core: core))
                    return nil
                } catch {
                    return error
                }
            }
            #expect(error?.code == .resourceUnavailable)
            #expect(error?.errno == EMFILE)
            #expect(fcntl(high, F_GETFD) == -1, "it stays open")
            await loop.shutDown()
        }
    }
}
