/// A closure that is called when a message was handed over; as ``EventHandler``, called on the callback queue only.
struct WriteCompletion: @unchecked Sendable {
    let call: () -> Void
}
