/// A ping or a pong of the peer's, for the shapes of other clients, which show them.
package enum ControlFrame: Sendable {
    case ping(ArraySlice<UInt8>)
    case pong(ArraySlice<UInt8>)
}
