/// Restores the messages that the peer compressed: the place where an extension such as permessage-deflate (RFC 7692)
/// meets ``MessageReader``. A message is compressed when its first frame has RSV1 set.
package protocol MessageInflater: AnyObject {
    /// Inflates the next bytes of the current message, whatever their boundaries.
    /// - Parameters:
    ///   - output: The array that the message's bytes are appended to.
    ///   - limit: The most bytes that `output` may hold: checked while inflating, so that a bomb is never stored.
    ///   - budget: Stops, with input left, once about this many bytes were appended. At least 1.
    /// - Returns: The number of compressed bytes that were used. The rest has to be given again.
    func inflate(
        _ compressed: UnsafeRawBufferPointer, into output: inout [UInt8], limit: Int, budget: Int
    ) throws(ProtocolViolation) -> Int

    /// The message's last byte was used by ``inflate(_:into:limit:budget:)``: appends what is left of it.
    func finishMessage(into output: inout [UInt8], limit: Int) throws(ProtocolViolation)
}
