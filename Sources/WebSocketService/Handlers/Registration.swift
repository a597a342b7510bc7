/// A registered handler: the way to take that one handler back.
///
/// The handler stays registered when nobody keeps this value.
public struct Registration: Sendable {
    private let cancellation: @Sendable () -> Void

    init(_ cancel: @escaping @Sendable () -> Void) {
        cancellation = cancel
    }

    /// Removes the handler. A call of it that is under way goes on, and no other begins. Does nothing the second time.
    public func cancel() {
        cancellation()
    }
}
