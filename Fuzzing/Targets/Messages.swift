import WebSocketProtocol

/// Settings: role and permessage-deflate; how the bytes are cut; the budget of a read; the limit of a message.
@Sendable func fuzzMessages(_ bytes: [UInt8]) throws(Finding) {
    var input = FuzzInput(bytes)
    let flags = input.setting()
    let seed = input.setting()
    let budget = input.setting()
    let limit = 1 << Int(input.setting() % 18)
    func makeReader() -> MessageReader {
        let windowBits = 9 + Int(flags >> 3) % 7
        return MessageReader(
            role: flags & 1 == 0 ? .client : .server, maximumMessageSize: limit,
            inflater: flags & 2 == 0 ? nil : Inflater(windowBits: windowBits, keepsContext: flags & 4 == 0))
    }
    let whole = try ReadMessages(reading: [Array(input.rest)], with: makeReader(), limit: limit)
    let cut = try ReadMessages(
        reading: input.pieces(seed: seed), with: makeReader(), limit: limit,
        budget: budget == 0 ? .max : 1 << Int(budget % 20), readingDirectly: flags & 64 != 0)
    // A compressed message can break several rules at once: the first to be noticed depends on how far it was inflated.
    try check(
        whole == cut || flags & 2 != 0 && whole.agreesOnMessages(with: cut), "whole it is \(whole), cut it is \(cut)")
}

/// A reader's result for a stream, in a form that does not depend on how the stream was cut.
private struct ReadMessages: Equatable {
    private(set) var messages: [WebSocketMessage] = []
    private(set) var pings: [[UInt8]] = []
    private(set) var pongs: [[UInt8]] = []
    private(set) var end: ReadResult.End?

    init(
        reading pieces: [[UInt8]], with reader: consuming MessageReader, limit: Int, budget: Int = .max,
        readingDirectly: Bool = false
    ) throws(Finding) {
        var result = ReadResult()
        for piece in pieces {
            var unread = piece
            while !unread.isEmpty {
                if readingDirectly, !reader.hasEnded, try readDirectly(&unread, with: &reader, result: &result) {
                    try take(&result, limit: limit)
                    continue
                }
                let used = unread.withUnsafeMutableBytes { reader.read($0, into: &result, budget: budget) }
                try check(used > 0 || result.cost > 0, "a read with the budget \(budget) does not get on")
                try check((0...unread.count).contains(used), "\(used) of \(unread.count) bytes were used")
                unread.removeFirst(used)
                try take(&result, limit: limit)
            }
        }
    }

    /// Returns whether the next bytes were the rest of a message, of which a piece was read.
    private func readDirectly(
        _ unread: inout [UInt8], with reader: inout MessageReader, result: inout ReadResult
    ) throws(Finding) -> Bool {
        var taken = 0
        let count = reader.readDirectly(atLeast: 2, into: &result) { room in
            taken = min(room.count, unread.count, 300)
            room.copyBytes(from: unread[..<taken])
            return taken
        }
        guard let count else { return false }
        try check(taken > 0, "there was no room")
        try check(count == taken || reader.hasEnded, "\(taken) bytes were read, and \(count) taken")
        unread.removeFirst(taken)
        return true
    }

    /// Tells whether both have the same, and a violation behind it.
    func agreesOnMessages(with other: ReadMessages) -> Bool {
        guard case .violation? = end, case .violation? = other.end else { return false }
        return messages == other.messages && pings == other.pings && pongs == other.pongs
    }

    private mutating func take(_ result: inout ReadResult, limit: Int) throws(Finding) {
        for message in result.messages {
            try check(
                message.payload.count <= limit, "a message of \(message.payload.count) bytes, of \(limit) at most")
            if message.kind == .text {
                try check(
                    String(validating: message.payload, as: UTF8.self) != nil,
                    "a text that is not UTF-8: \(Array(message.payload))")
            }
        }
        messages += result.takeMessages()
        pings += result.pings.map(Array.init)
        pongs += result.pongs.map(Array.init)
        if end == nil { end = result.end }
        result.removeAll()
    }
}
