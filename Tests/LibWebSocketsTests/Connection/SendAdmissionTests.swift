import Testing
import WebSocketTesting

@testable import LibWebSockets

/// The order of senders, with names in place of waiting tasks.
@Suite struct SendAdmissionTests {
    private typealias Admission = SendAdmission<String>

    private static func waiting(_ names: String..., in admission: inout Admission, byteCount: Int = 10) {
        for name in names { admission.wait(.message(byteCount: byteCount), id: admission.makeID(), name) }
    }

    @Test("While there is room, nobody waits")
    func room() {
        let admission = Admission(limit: 100)
        #expect(admission.admitsAtOnce(.message(byteCount: 1_000), queued: 99))
        #expect(!admission.admitsAtOnce(.message(byteCount: 1), queued: 100))
        #expect(admission.admitsAtOnce(.fragment(byteCount: 1), queued: 99))
        #expect(!admission.admitsAtOnce(.fragment(byteCount: 1), queued: 100))
        #expect(admission.admitsAtOnce(.stream, queued: 1_000), "a stream has nothing to add yet")
    }

    @Test("As many as fit are admitted, first come, first served, and nobody else is woken")
    func asManyAsFit() {
        var admission = Admission(limit: 100)
        Self.waiting("a", "b", "c", "d", in: &admission, byteCount: 40)
        #expect(admission.admit(queued: 100) == [])
        #expect(admission.admit(queued: 51) == [], "half of it has to be free")
        #expect(admission.admit(queued: 20) == ["a", "b"])
        #expect(admission.admit(queued: 20) == [], "their room is reserved")
        admission.release(.message(byteCount: 40))
        #expect(admission.admit(queued: 60) == [])
        admission.release(.message(byteCount: 40))
        #expect(admission.admit(queued: 100) == [])
        #expect(admission.admit(queued: 0) == ["c", "d"])
        #expect(!admission.hasWaiters)
    }

    @Test("A message larger than everything is admitted alone")
    func large() {
        var admission = Admission(limit: 1)
        Self.waiting("a", "b", in: &admission, byteCount: 1_000)
        #expect(admission.admit(queued: 0) == ["a"])
        #expect(admission.admit(queued: 0) == [])
        admission.release(.message(byteCount: 1_000))
        #expect(admission.admit(queued: 1_000) == [])
        #expect(admission.admit(queued: 0) == ["b"])
    }

    @Test("Who comes later does not overtake those who wait, though there is room")
    func noBarging() {
        var admission = Admission(limit: 100)
        Self.waiting("a", in: &admission)
        #expect(!admission.admitsAtOnce(.message(byteCount: 1), queued: 60))
        #expect(!admission.admitsAtOnce(.stream, queued: 60))
        #expect(admission.admit(queued: 50) == ["a"])
        #expect(admission.admitsAtOnce(.message(byteCount: 1), queued: 50))
        #expect(!admission.admitsAtOnce(.message(byteCount: 1), queued: 90), "ten bytes are reserved")
    }

    @Test("Of thousands, a few are woken at a time, and each that is done makes room for the next")
    func noHerd() {
        var admission = Admission(limit: 1 << 20)
        for number in 0..<2_000 {
            admission.wait(.message(byteCount: 1), id: admission.makeID(), "\(number)")
        }
        var woken = admission.admit(queued: 0)
        #expect(woken.count == 64)
        while woken.count < 2_000, admission.hasWaiters {
            admission.release(.message(byteCount: 1))
            let next = admission.admit(queued: 0)
            #expect(next.count == 1)
            woken += next
        }
        #expect(woken == (0..<2_000).map { "\($0)" })
    }

    @Test("Waiters come in the order of their identifiers, whichever registers first")
    func order() {
        var admission = Admission(limit: 100)
        let (first, second) = (admission.makeID(), admission.makeID())
        admission.wait(.message(byteCount: 1), id: second, "second")
        admission.wait(.message(byteCount: 1), id: first, "first")
        #expect(admission.admit(queued: 0) == ["first", "second"])
    }

    @Test("A cancelled waiter is gone, and those behind it go on")
    func cancel() {
        var admission = Admission(limit: 100)
        Self.waiting("a", in: &admission)
        let id = admission.makeID()
        admission.wait(.message(byteCount: 1), id: id, "b")
        Self.waiting("c", in: &admission)
        #expect(admission.cancel(id) == "b")
        #expect(admission.cancel(id) == nil)
        #expect(admission.admit(queued: 0) == ["a", "c"])
    }

    @Test("A stream keeps all messages back but its own fragments, until it ends")
    func stream() {
        var admission = Admission(limit: 100)
        #expect(admission.admitNow(.stream, queued: 0) == true)
        #expect(admission.admitNow(.stream, queued: 0) == false)
        #expect(!admission.admitsAtOnce(.message(byteCount: 1), queued: 0))
        Self.waiting("message", in: &admission)
        admission.wait(.fragment(byteCount: 40), id: admission.makeID(), "fragment")
        #expect(admission.admit(queued: 40) == ["fragment"])
        admission.release(.fragment(byteCount: 40))
        #expect(admission.admit(queued: 0) == [])
        admission.endStream()
        #expect(admission.admit(queued: 0) == ["message"])
    }

    @Test("A stream begins only when everybody admitted before has added their message")
    func streamBehindMessages() {
        var admission = Admission(limit: 100)
        Self.waiting("message", in: &admission)
        admission.wait(.stream, id: admission.makeID(), "stream")
        Self.waiting("behind", in: &admission)
        #expect(admission.admit(queued: 0) == ["message"])
        #expect(!admission.isStreaming)
        admission.release(.message(byteCount: 10))
        #expect(admission.admit(queued: 10) == ["stream"])
        #expect(admission.isStreaming)
        admission.endStream()
        #expect(admission.admit(queued: 10) == ["behind"])
    }

    @Test("At the end everybody is told, in order")
    func end() {
        var admission = Admission(limit: 1)
        Self.waiting("a", "b", in: &admission)
        admission.wait(.stream, id: admission.makeID(), "c")
        #expect(admission.removeAll() == ["a", "b", "c"])
        #expect(!admission.hasWaiters)
        #expect(admission.admit(queued: 0) == [])
    }

    /// Nobody is left waiting once the output is written and everybody is done, whatever happens in whatever order.
    @Test("Nobody is forgotten, whatever happens in whatever order", arguments: 0..<30 as Range<UInt64>)
    func nobodyIsForgotten(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var admission = Admission(limit: Int.random(in: 1...200, using: &generator))
        var queued = 0
        var requests: [String: Admission.Request] = [:]
        var admitted: [String] = []
        var waiting: [UInt64] = []
        for number in 0..<2_000 {
            let size = Int.random(in: 0...120, using: &generator)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0, 1:
                let request: Admission.Request = .message(byteCount: size)
                if admission.admitsAtOnce(request, queued: queued) {
                    queued += size
                } else {
                    let id = admission.makeID()
                    requests["\(id)"] = request
                    waiting.append(id)
                    admission.wait(request, id: id, "\(id)")
                }
            case 2 where number % 7 == 0:
                if !admission.admitNow(.stream, queued: queued) {
                    let id = admission.makeID()
                    requests["\(id)"] = .stream
                    admission.wait(.stream, id: id, "\(id)")
                }
            case 3: queued = 0
            case 4:
                if let id = waiting.randomElement(using: &generator) { _ = admission.cancel(id) }
            default:
                if admission.isStreaming { admission.endStream() }
                if let name = admitted.popLast(), case .message(let size)? = requests[name] {
                    admission.release(.message(byteCount: size))
                    queued += size
                }
            }
            admitted += admission.admit(queued: queued).filter {
                if case .message? = requests[$0] { true } else { false }
            }
        }
        for _ in 0..<10_000 where admission.hasWaiters {
            queued = 0
            if admission.isStreaming { admission.endStream() }
            while let name = admitted.popLast() { admission.release(requests[name]!) }
            admitted += admission.admit(queued: queued).filter {
                if case .message? = requests[$0] { true } else { false }
            }
        }
        #expect(!admission.hasWaiters)
    }
}
