/// The program's delegate. `@unchecked Sendable` as ``EventHandler`` is.
struct DelegateReference: @unchecked Sendable {
    weak var delegate: (any WebSocketDelegate)?
}
