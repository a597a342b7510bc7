internal import WebSocketProtocol

/// The owner of a ``ClientHandshake``, which is called on the loop's thread.
protocol ClientHandshakeOwner: AnyObject {
    /// The TCP connection stands; the proxy, TLS and the upgrade request follow, as far as there are any.
    func handshakeDidConnect(_ handshake: ClientHandshake)
    /// The way to the server stands, and the upgrade request goes out.
    func handshakeDidRequestUpgrade(_ handshake: ClientHandshake)
    /// The server has switched protocols. Returns what the bytes go to from now on; `nil` ends the handshake.
    func handshake(
        _ handshake: ClientHandshake, didSwitch head: ResponseHead, on pipe: BytePipe
    ) -> (any PipeConsumer)?
    /// The server has refused, with this.
    func handshake(_ handshake: ClientHandshake, wasRefused response: RefusedResponse)
    /// The handshake has ended; nothing follows.
    func handshake(_ handshake: ClientHandshake, didEnd end: PipeEnd)
}
