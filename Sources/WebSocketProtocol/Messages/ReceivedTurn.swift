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

    /// Messages that lie whole in the bytes of this turn and still have to be copied out of them.
    private var inPlace: [InPlaceMessage] = []
    private var inPlaceByteCount = 0

    package init() {}

    package var isEmpty: Bool {
        messages.isEmpty && pings.isEmpty && pongs.isEmpty && end == nil
    }

    package mutating func removeAll(keepingCapacity: Bool = true) {
        messages.removeAll(keepingCapacity: keepingCapacity)
        pings.removeAll(keepingCapacity: keepingCapacity)
        pongs.removeAll(keepingCapacity: keepingCapacity)
        inPlace.removeAll(keepingCapacity: keepingCapacity)
        inPlaceByteCount = 0
        messageByteCount = 0
        end = nil
    }
}

extension ReceivedTurn {
    private struct InPlaceMessage {
        let kind: WebSocketMessage.Kind
        let payload: UnsafeRawPointer
        let count: Int
    }

    mutating func append(_ message: WebSocketMessage) {
        messages.append(message)
        messageByteCount += message.payload.count
    }

    /// Remembers a message where it lies. ``copyInPlaceMessages()`` must follow before the memory is used again.
    mutating func appendInPlace(_ kind: WebSocketMessage.Kind, _ payload: UnsafeMutableRawBufferPointer) {
        guard let start = payload.baseAddress else { return }
        inPlace.append(InPlaceMessage(kind: kind, payload: UnsafeRawPointer(start), count: payload.count))
        inPlaceByteCount &+= payload.count
    }

    /// Copies what was remembered into one array of just its size, and hands out slices of it.
    mutating func copyInPlaceMessages() {
        guard !inPlace.isEmpty else { return }
        let shared = [UInt8](unsafeUninitializedCapacity: inPlaceByteCount) { target, initialized in
            guard var end = target.baseAddress.map(UnsafeMutableRawPointer.init) else { return }
            for message in inPlace {
                end.copyMemory(from: message.payload, byteCount: message.count)
                end += message.count
            }
            initialized = inPlaceByteCount
        }
        var start = 0
        for message in inPlace {
            let end = start &+ message.count
            messages.append(WebSocketMessage(kind: message.kind, validatedPayload: shared[start..<end]))
            start = end
        }
        messageByteCount += inPlaceByteCount
        inPlace.removeAll(keepingCapacity: true)
        inPlaceByteCount = 0
    }
}
