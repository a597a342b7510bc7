/// Restores the messages that the peer compressed: the place where an extension such as permessage-deflate (RFC 7692)
/// meets ``MessageReader``. A message is compressed when its first frame has RSV1 set.
package protocol MessageInflater: AnyObject {
    /// Inflates the next bytes of the current message, whatever their boundaries.
    /// - Parameters:
    ///   - output: Where the message's bytes are appended.
    ///   - limit: How many bytes `output` may hold: checked while inflating, so that a bomb is never stored.
    func inflate(
        _ compressed: UnsafeRawBufferPointer, into output: inout [UInt8], limit: Int
    ) throws(ProtocolViolation)

    /// The message's last byte has been given to ``inflate(_:into:limit:)``: appends what is left of it.
    func finishMessage(into output: inout [UInt8], limit: Int) throws(ProtocolViolation)
}
