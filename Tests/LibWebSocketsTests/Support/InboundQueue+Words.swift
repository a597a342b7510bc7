import WebSocketProtocol

@testable import LibWebSockets

/// The end of a queue that has lost its connection.
struct Loss: Error {}

extension InboundQueue {
    mutating func add(_ texts: String..., limit: Int = 10_000, mayPause: Bool = true) -> Addition {
        add(texts.map { .text($0) }, limit: limit, mayPause: mayPause)
    }

    mutating func add(_ batch: [WebSocketMessage], limit: Int, mayPause: Bool = true) -> Addition {
        add(
            batch, byteCount: batch.reduce(0) { $0 + $1.payload.count },
            payloadMemory: MessageMemory.ofPayloads(batch[...]), limit: limit, mayPause: mayPause)
    }

    /// The result of a reader, in words: `a b`, with `resumes` when reading is to go on; `nothing`; `end` or `Loss`.
    mutating func takeWords() -> String {
        switch take(limit: 10_000) {
        case .nothing: "nothing"
        case .end(let error): error.map { "\(type(of: $0))" } ?? "end"
        case .messages(let batch, let resumesReading):
            batch.map { $0.text ?? "?" }.joined(separator: " ") + (resumesReading ? ", resumes" : "")
        }
    }

    mutating func takeMessages() -> [WebSocketMessage] {
        guard case .messages(let batch, _) = take(limit: 10_000) else { return [] }
        return batch
    }
}
