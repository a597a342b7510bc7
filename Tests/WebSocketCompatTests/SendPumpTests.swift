import LibWebSockets
import TestSupport
import Testing
import WebSocketCompat

@Suite struct SendPumpTests {
    private struct Refused: Error {}

    @Test("What is added after a flush has begun fails, and what was added before goes out first")
    func flush() async throws {
        let pump = SendPump()
        let (sent, results) = (Collector<String>(), Collector<String>())
        let gate = Collector<Bool>()
        pump.open { message in
            try await gate.wait(for: 1)
            sent.add(message.text ?? "")
        }
        for text in ["a", "b"] { pump.send(.text(text)) { results.add("\(text) \($0 == nil)") } }
        let flushing = Task { await pump.flush(within: .seconds(60), refusing: Refused()) }
        // The refusal is seen by whatever comes once the flush has begun.
        try await eventually {
            pump.send(.text("late")) { if $0 is Refused { results.add("refused") } }
            return results.all.contains("refused")
        }
        gate.add(true)
        await flushing.value
        #expect(sent.all.prefix(2) == ["a", "b"])
        #expect(results.all.contains("a true") && results.all.contains("b true"))
    }

    @Test("A flush that lasts for ever can be asked for")
    func longest() async {
        let pump = SendPump()
        // Long enough for the deadline to be set.
        pump.open { _ in try await Task.sleep(for: .milliseconds(100)) }
        pump.send(.text("a")) { _ in }
        await pump.flush(within: .seconds(Int64.max), refusing: Refused())
    }
}
