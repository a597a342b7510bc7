internal import Foundation

/// The program's closure. As in the original it need not be `Sendable`.
///
/// `@unchecked Sendable` because it is only called on the callback queue, and the program knows what its queue may touch.
struct EventHandler: @unchecked Sendable {
    let call: (WebSocketEvent) -> Void
}

/// A closure that is called when a message was handed over; as ``EventHandler``, called on the callback queue only.
struct WriteCompletion: @unchecked Sendable {
    let call: () -> Void
}

/// The program's delegate. `@unchecked Sendable` as ``EventHandler`` is.
struct DelegateReference: @unchecked Sendable {
    weak var delegate: (any WebSocketDelegate)?
}
