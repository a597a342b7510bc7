/// One of the places where input from outside is read, with what has to be true of it for every input.
///
/// An input begins with a few bytes that choose settings, so that one corpus covers all of them.
package struct FuzzTarget: Sendable {
    /// As `scripts/fuzz` and the folder of the corpus call it.
    package let name: String
    /// - Throws: A ``Finding`` when something is not true. Anything worse, such as a trap, ends the process.
    package let run: @Sendable (_ input: [UInt8]) throws -> Void

    package static let all = [
        FuzzTarget(name: "frames", run: fuzzFrames),
        FuzzTarget(name: "messages", run: fuzzMessages),
        FuzzTarget(name: "closes", run: fuzzCloseFrames),
        FuzzTarget(name: "responses", run: fuzzResponses),
        FuzzTarget(name: "requests", run: fuzzRequests),
        FuzzTarget(name: "chunks", run: fuzzChunks),
        FuzzTarget(name: "extensions", run: fuzzExtensions),
        FuzzTarget(name: "urls", run: fuzzURLs),
        FuzzTarget(name: "no-proxy", run: fuzzProxyExceptions),
        FuzzTarget(name: "socks5", run: fuzzSOCKS5),
        FuzzTarget(name: "routes", run: fuzzRoutes),
    ]
}

/// Something that has to be true of every input, and is not of this one.
package struct Finding: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}

func check(_ condition: Bool, _ description: @autoclosure () -> String) throws(Finding) {
    guard condition else { throw Finding(description()) }
}

/// The bytes of an input, of which the first ones are taken off as settings.
struct FuzzInput {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    /// The next setting; 0 when there are no more bytes.
    mutating func setting() -> UInt8 { rest.popFirst() ?? 0 }

    /// The rest as reads from a connection would bring it, in pieces of 1 to 31 bytes that `seed` decides.
    func pieces(seed: UInt8) -> [[UInt8]] {
        var state = seed
        var pieces: [[UInt8]] = []
        var left = rest
        while !left.isEmpty {
            pieces.append(Array(left.prefix(1 + Int(state % 31))))
            left = left.dropFirst(1 + Int(state % 31))
            state = state &* 167 &+ 13
        }
        return pieces
    }
}
