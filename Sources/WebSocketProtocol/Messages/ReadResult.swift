/// The result of one read: everything that ``MessageReader`` found in it, in order of arrival within each kind.
///
/// Made to be reused: a connection keeps one, and empties it between two reads. Storage that one read has made large is
/// then let go of, since the next read may never come.
package struct ReadResult {
    package enum End: Hashable, Sendable {
        case close(CloseFrame)
        case violation(ProtocolViolation)
    }

    package private(set) var messages: [WebSocketMessage] = []
    /// The payloads of the pings, each of which wants a pong (RFC 6455 section 5.5.2).
    package var pings: [ArraySlice<UInt8>] = []
    package var pongs: [ArraySlice<UInt8>] = []
    /// The sum of the sizes of ``messages``.
    package private(set) var messageByteCount = 0
    /// The memory that the payloads of ``messages`` occupy; see ``MessageMemory``.
    package private(set) var payloadMemory = 0
    /// The cost of this read in bytes: its allocations, and what could be copied in the time of the rest.
    package private(set) var cost = 0
    /// Set when nothing more will be read from this peer.
    package internal(set) var end: End?

    /// Messages that lie whole in the bytes of this read and still have to be copied out of them.
    private var inPlace: [InPlaceMessage] = []
    private var inPlaceByteCount = 0

    package init() {}

    package var isEmpty: Bool {
        messages.isEmpty && pings.isEmpty && pongs.isEmpty && end == nil
    }

    /// Hands the messages over, with the memory that holds them.
    package mutating func takeMessages() -> [WebSocketMessage] {
        defer { messages = [] }
        return messages
    }

    package mutating func removeAll() {
        messages = []
        pings = []
        pongs = []
        emptyInPlaceMessages()
        messageByteCount = 0
        payloadMemory = 0
        cost = 0
        end = nil
    }
}

extension ReadResult {
    /// A frame that is no message by itself takes up to 0.4 µs, however empty it is.
    static let costOfFrame = 64
    /// A ping or pong and its answer.
    static let costOfControlFrame = 64
    /// Inflating takes longest where the peer sends the tables of a code again and again: up to 0.1 µs a byte.
    static let costOfCompressedByte = 8

    @inline(__always)
    mutating func addCost(_ cost: Int) {
        let (sum, overflow) = self.cost.addingReportingOverflow(cost)
        self.cost = overflow ? .max : sum
    }

    /// The number of messages for which there is room in an idle connection.
    private static let keptCapacity = 32

    private struct InPlaceMessage {
        let kind: WebSocketMessage.Kind
        let payload: UnsafeRawPointer
        let count: Int
    }

    mutating func append(_ message: WebSocketMessage) {
        messages.append(message)
        messageByteCount += message.payload.count
        payloadMemory += MessageMemory.ofStorage(capacity: message.payload.capacity)
        addCost(MessageMemory.ofMessage + MessageMemory.ofStorageHeader)
    }

    /// Remembers a message where it lies. ``copyInPlaceMessages()`` must follow before the memory is used again.
    @inline(__always)
    mutating func appendInPlace(_ kind: WebSocketMessage.Kind, _ payload: UnsafeMutableRawBufferPointer) {
        guard let start = payload.baseAddress else { return }
        inPlace.append(InPlaceMessage(kind: kind, payload: UnsafeRawPointer(start), count: payload.count))
        inPlaceByteCount &+= payload.count
        cost &+= payload.count &+ MessageMemory.ofMessage
    }

    /// Copies what was remembered, with the few bytes between, into one array, and hands out slices of it.
    mutating func copyInPlaceMessages() {
        guard let first = inPlace.first, let last = inPlace.last else { return }
        let start = first.payload
        let byteCount = last.payload + last.count - start
        let shared = [UInt8](unsafeUninitializedCapacity: byteCount) { target, initialized in
            // The memory of an array without elements may have no address.
            if let target = target.baseAddress {
                UnsafeMutableRawPointer(target).copyMemory(from: start, byteCount: byteCount)
            }
            initialized = byteCount
        }
        // Otherwise left to grow geometrically: there may be many more in this read.
        if messages.isEmpty { messages.reserveCapacity(inPlace.count) }
        for message in inPlace {
            let offset = message.payload - start
            messages.append(
                WebSocketMessage(kind: message.kind, validatedPayload: shared[offset..<offset &+ message.count]))
        }
        messageByteCount += inPlaceByteCount
        payloadMemory += MessageMemory.ofStorage(capacity: shared.capacity)
        addCost(MessageMemory.ofStorageHeader + byteCount - inPlaceByteCount)
        emptyInPlaceMessages()
    }

    var inPlaceCapacity: Int { inPlace.capacity }

    private mutating func emptyInPlaceMessages() {
        inPlace.removeAll(keepingCapacity: inPlace.capacity <= Self.keptCapacity)
        inPlaceByteCount = 0
    }
}
