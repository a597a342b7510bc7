/// The bytes of a question, taken off from the front.
struct Question {
    struct Cut: Error {}

    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }
    mutating func flag() -> Bool { byte() != 0 }

    mutating func number() -> Int {
        (0..<4).reduce(0) { number, index in number | Int(byte()) << (8 * index) }
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }
}
