/// The program's closure. As in the original it need not be `Sendable`.
///
/// `@unchecked Sendable` because it is only called on the callback queue, and the program knows what its queue may touch.
struct EventHandler: @unchecked Sendable {
    let call: (WebSocketEvent) -> Void
}
