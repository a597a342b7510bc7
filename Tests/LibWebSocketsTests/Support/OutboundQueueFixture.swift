import Testing
import WebSocketProtocol

@testable import LibWebSockets
@testable import WebSocketTesting

/// The queue in a class: the macros of Swift Testing want copies of what they look at, and a queue has none.
final class OutboundQueueFixture {
    private var queue: OutboundQueue

    init(_ role: Role = .server, random: RandomByteSource = .zeros, pool: FrameBufferPool = FrameBufferPool()) {
        queue = OutboundQueue(role: role, random: random, pool: pool)
    }

    var isEmpty: Bool { queue.isEmpty }
    var byteCount: Int { queue.byteCount }
    var unsentMessageCount: Int { queue.unsentMessageCount }
    var sentMessageCount: Int { queue.sentMessageCount }
    var sentByteCount: Int { queue.sentByteCount }
    var endsWhenEmpty: Bool { queue.endsWhenEmpty }

    func append(_ opcode: Opcode, payload: String, fin: Bool = true) throws {
        try append(opcode, payload: Array(payload.utf8), fin: fin)
    }

    func append(_ opcode: Opcode, payload: [UInt8], fin: Bool = true) throws {
        try payload.withUnsafeBytes { try queue.append(opcode, payload: $0, fin: fin) }
    }

    func appendPing(_ payload: [UInt8]) throws { try queue.appendPing(payload) }
    func appendPong(_ payload: [UInt8]) throws { try queue.appendPong(payload) }

    func close(_ frame: CloseFrame) throws { try queue.enqueue(queue.machine.close(frame)) }
    func enqueue(_ action: ConnectionStateMachine.Action) throws { try queue.enqueue(action) }
    func takeSegment() -> OutboundQueue.Segment? { queue.takeSegment() }
    func recycle(_ frames: FrameBuffer) { queue.recycle(frames) }
    func discard() { queue.discard() }

    /// A segment as its frames.
    static func frames(of segment: OutboundQueue.Segment?) throws -> [FaultServer.Frame] {
        let segment = try #require(segment)
        let bytes = Array(segment.frames.bytes)
        var frames: [FaultServer.Frame] = []
        var offset = 0
        while offset < bytes.count {
            let (frame, length) = try #require(FaultServer.Frame.parse(bytes, at: offset), "a frame spans two segments")
            frames.append(frame)
            offset += length
        }
        return frames
    }

    static func texts(of segment: OutboundQueue.Segment?) throws -> [String] {
        try frames(of: segment).map { String(decoding: $0.payload, as: UTF8.self) }
    }
}

extension RandomByteSource {
    /// A mask of zeros leaves payloads readable.
    static let zeros = RandomByteSource { bytes in
        for index in bytes.indices { bytes[index] = 0 }
    }

    static let broken = RandomByteSource { _ throws(RandomSourceFailure) in
        throw RandomSourceFailure(description: "out of entropy")
    }
}
