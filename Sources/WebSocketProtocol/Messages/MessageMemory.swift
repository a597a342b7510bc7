/// The memory that received messages occupy: the one measure for every limit and figure that concerns them.
///
/// A message without payload costs its place in an array all the same, and small ones cost mostly that: 40 bytes each.
package enum MessageMemory {
    /// The place of one message in an array of messages.
    package static let ofMessage = MemoryLayout<WebSocketMessage>.stride
    /// The storage of an array of messages, without their payloads.
    package static func ofMessages(capacity: Int) -> Int {
        capacity == 0 ? 0 : ofStorageHeader + capacity * ofMessage
    }

    /// The memory that an array's storage occupies beside its elements: 32 bytes of Swift's, and malloc(3)'s own with its
    /// rounding.
    static let ofStorageHeader = 48

    /// The storage of an array of bytes.
    static func ofStorage(capacity: Int) -> Int {
        capacity == 0 ? 0 : ofStorageHeader + capacity
    }

    /// The payloads of all messages from one on to the end of what ``ReadResult`` handed out: with everything that they
    /// keep alive, also the payloads in front of theirs.
    package static func ofPayloads(_ messages: ArraySlice<WebSocketMessage>) -> Int {
        var sum = 0
        var counted: UnsafeRawPointer?
        // Slices of one array lie side by side, and the last of them reaches to its end.
        for message in messages.reversed() {
            let payload = message.payload
            let storage = payload.withUnsafeBytes { $0.baseAddress.map { $0 - payload.startIndex } }
            guard storage == nil || storage != counted else { continue }
            counted = storage
            sum += ofStorage(capacity: payload.startIndex + payload.capacity)
        }
        return sum
    }
}
