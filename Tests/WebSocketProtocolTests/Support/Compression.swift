@testable import WebSocketProtocol

extension Deflater {
    /// With zlib's largest window and smallest output.
    static func make(windowBits: Int = 15, keepsContext: Bool = true) -> Deflater {
        Deflater(windowBits: windowBits, level: 9, memoryLevel: 8, keepsContext: keepsContext)
    }

    mutating func compress(_ bytes: some Sequence<UInt8>, endsMessage: Bool = true) throws -> [UInt8] {
        defer { recycleOutput() }
        return try Array(bytes).withUnsafeBytes { Array(try deflate($0, endsMessage: endsMessage)) }
    }
}

extension Inflater {
    /// Inflates everything at once.
    func inflate(_ compressed: UnsafeRawBufferPointer, into output: inout [UInt8], limit: Int) throws {
        let used = try inflate(compressed, into: &output, limit: limit, budget: .max)
        precondition(used == compressed.count, "the budget was not used up")
    }

    /// Restores one message from its payload, given in `pieces`.
    func restore(_ pieces: [UInt8]..., limit: Int = 1 << 20) throws -> [UInt8] {
        var output: [UInt8] = []
        for piece in pieces {
            try piece.withUnsafeBytes { try inflate($0, into: &output, limit: limit) }
        }
        try finishMessage(into: &output, limit: limit)
        return output
    }
}
