/// What one read brought: everything that ``MessageReader`` found in it, in order of arrival within each kind.
///
/// Made to be reused: the loop keeps one, and empties it between two reads.
package struct ReceivedTurn {
    package enum End: Hashable, Sendable {
        case close(CloseFrame)
        case violation(ProtocolViolation)
    }

    package var messages: [WebSocketMessage] = []
    /// The payloads of the pings, each of which wants a pong (RFC 6455 section 5.5.2).
    package var pings: [ArraySlice<UInt8>] = []
    package var pongs: [ArraySlice<UInt8>] = []
    /// The sum of the sizes of ``messages``.
    package private(set) var messageByteCount = 0
    /// Set when nothing more will be read from this peer.
    package internal(set) var end: End?

    /// Payloads that lie whole in the bytes of this turn and still have to be copied out of them.
    private var inPlace: [InPlacePayload] = []

    package init() {}

    package var isEmpty: Bool {
        messages.isEmpty && pings.isEmpty && pongs.isEmpty && end == nil
    }

    package mutating func removeAll(keepingCapacity: Bool = true) {
        messages.removeAll(keepingCapacity: keepingCapacity)
        pings.removeAll(keepingCapacity: keepingCapacity)
        pongs.removeAll(keepingCapacity: keepingCapacity)
        inPlace.removeAll(keepingCapacity: keepingCapacity)
        messageByteCount = 0
        end = nil
    }
}

extension ReceivedTurn {
    enum PayloadKind {
        case message(WebSocketMessage.Kind)
        case ping
        case pong
    }

    private struct InPlacePayload {
        let kind: PayloadKind
        let start: UnsafeRawPointer
        let count: Int
    }

    mutating func append(_ message: WebSocketMessage) {
        messages.append(message)
        messageByteCount += message.payload.count
    }

    /// Remembers a payload where it lies. ``copyInPlacePayloads()`` must follow before the memory is used again.
    mutating func appendInPlace(_ kind: PayloadKind, _ payload: UnsafeMutableRawBufferPointer) {
        guard let start = payload.baseAddress else { return }
        inPlace.append(InPlacePayload(kind: kind, start: UnsafeRawPointer(start), count: payload.count))
    }

    /// Copies what was remembered into one array, from the first payload's start to the last one's end, and hands out
    /// slices of it. The frame headers between them come along: one copy of a few more bytes is several times faster
    /// than many small ones.
    mutating func copyInPlacePayloads() {
        guard let first = inPlace.first, let last = inPlace.last else { return }
        let start = first.start
        let count = last.start + last.count - start
        let shared = [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
            UnsafeMutableRawBufferPointer(target).copyMemory(from: UnsafeRawBufferPointer(start: start, count: count))
            initialized = count
        }
        for payload in inPlace {
            let lower = payload.start - start
            let slice = shared[lower..<(lower + payload.count)]
            switch payload.kind {
            case .message(let kind):
                messages.append(WebSocketMessage(kind: kind, validatedPayload: slice))
                messageByteCount += payload.count
            case .ping: pings.append(slice)
            case .pong: pongs.append(slice)
            }
        }
        inPlace.removeAll(keepingCapacity: true)
    }
}
