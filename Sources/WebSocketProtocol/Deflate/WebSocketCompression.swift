/// The compression of messages on the way, by permessage-deflate (RFC 7692). Both sides have to want it: with a peer that
/// does not, messages go as they are.
///
/// Compression pays on slow or metered links. It costs memory for as long as the connection lasts, see
/// ``DeflateOptions``, and time: JSON was compressed at 30 MB/s in messages of 256 bytes and at 80 MB/s in messages of
/// 64 KiB, and inflated at 85 and 400 MB/s (zlib 1.2.13, one core of a server, the default options), where plain
/// messages pass at over 1 GB/s.
///
/// Over `wss:`, the length of a compressed message tells an eavesdropper how much of it repeats what was sent before:
/// leave it off where secrets and text of an attacker's choice go through one connection (RFC 7692 section 8, the CRIME
/// attack).
public enum WebSocketCompression: Hashable, Sendable {
    /// Messages are not compressed.
    case disabled
    /// permessage-deflate with the defaults of ``DeflateOptions``.
    case automatic
    /// permessage-deflate as `options` say.
    case deflate(DeflateOptions)

    /// `nil` when nothing is compressed.
    package var deflateOptions: DeflateOptions? {
        switch self {
        case .disabled: nil
        case .automatic: DeflateOptions()
        case .deflate(let options): options
        }
    }
}

extension WebSocketCompression {
    /// The parameters for offering, accepting and carrying out permessage-deflate. "This side" is the client or the server,
    /// whichever is configured; the parameters of RFC 7692 section 7.1 are derived from that.
    ///
    /// zlib's memory for one connection, in bytes, from the first compressed message in that direction:
    /// - sending: `2^(windowBits+2) + 2^(memoryLevel+9)`, and about 6 KiB: 38 KiB by default;
    /// - receiving: `2^peerWindowBits`, and about 7 KiB: 39 KiB by default.
    ///
    /// Without context takeover it is held only while a message is compressed or inflated.
    public struct DeflateOptions: Hashable, Sendable {
        /// The effort of compressing, from 1 (fast) to 9 (small). The default is 6, as it is zlib's; 1 took 40 % less
        /// time for large messages of JSON, which became 10 % larger.
        public var level: Int
        /// The memory for zlib's internal state, from 1 to 9. The default is 5: 8, which is zlib's, takes 112 KiB
        /// more and made JSON at most 1 % smaller.
        public var memoryLevel: Int
        /// The distance that this side looks back for repetitions when it compresses: 2 to the power of this many bytes,
        /// from 9 to 15. The peer may set a lower limit. The default is 12: with it, streams of JSON shrank to 37 to 45 %,
        /// with 15 to 28 to 34 %, for 112 KiB more.
        public var windowBits: Int
        /// The limit for the peer's window, from 9 to 15. The default is 15, none: a server that cannot set its window
        /// (such as those that use Java's `Deflater`) declines compression when it is asked for less. A client that did
        /// not say that it can set its own is not asked to.
        public var peerWindowBits: Int
        /// Lets this side refer to earlier messages when it compresses one. The default is true; without it, messages below
        /// a few hundred bytes hardly shrink.
        public var contextTakeover: Bool
        /// Lets the peer refer to its earlier messages when it compresses one. `false` saves memory here, and the peer must
        /// agree or decline compression. The default is true.
        public var peerContextTakeover: Bool
        /// The size below which a message is sent as it is, in bytes (RFC 7692 section 6 allows that for each message). The
        /// default is 128: compressing one of that size took 5 µs, a hundred times what sending it takes, and saved 80 bytes,
        /// about what the headers of TLS, TCP and IP add to a packet. Messages sent in pieces are always compressed, each piece
        /// for itself.
        public var threshold: Int

        /// Options; every parameter is the property of the same name, with its default. Values out of range are
        /// reported when a connection or a server is made.
        public init(
            level: Int = 6,
            memoryLevel: Int = 5,
            windowBits: Int = 12,
            peerWindowBits: Int = 15,
            contextTakeover: Bool = true,
            peerContextTakeover: Bool = true,
            threshold: Int = 128
        ) {
            self.level = level
            self.memoryLevel = memoryLevel
            self.windowBits = windowBits
            self.peerWindowBits = peerWindowBits
            self.contextTakeover = contextTakeover
            self.peerContextTakeover = peerContextTakeover
            self.threshold = threshold
        }

        /// The reason why the options cannot be used; `nil` when they can.
        package var problem: String? {
            let ranges = [
                ("level", level, 1...9), ("memoryLevel", memoryLevel, 1...9),
                ("windowBits", windowBits, DeflateParameters.windowBitsOfZlib),
                ("peerWindowBits", peerWindowBits, DeflateParameters.windowBitsOfZlib),
                ("threshold", threshold, 0...Int.max),
            ]
            guard let (name, value, range) = ranges.first(where: { !$0.2.contains($0.1) }) else { return nil }
            let allowed =
                range.upperBound == .max
                ? "at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
            return "compression: \(name) is \(value), but must be \(allowed)"
        }
    }
}
