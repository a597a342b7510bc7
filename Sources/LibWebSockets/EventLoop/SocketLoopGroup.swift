internal import Synchronization

/// Several loops, for programs with more connections than one core can carry: each connection stays on the loop it was
/// made on.
///
/// ```swift
/// let group = SocketLoopGroup(count: 4)
/// let socket = try await WebSocket.connect(to: url, on: group.next())
/// ```
public final class SocketLoopGroup: Sendable {
    /// The loops, whose threads start with their first connection.
    public let loops: [SocketLoop]
    private let position = Atomic<Int>(0)

    /// The most loops that a group has: more than processors are of no use.
    public static let maximumCount = 1_024

    /// Creates the loops. Their threads start with their first connections.
    ///
    /// - Parameter count: The number of loops; brought into the range from one to ``maximumCount``.
    public init(count: Int) {
        loops = (0..<min(max(1, count), Self.maximumCount)).map { _ in SocketLoop() }
    }

    /// The loop for the next connection: each in turn.
    public func next() -> SocketLoop {
        let index = position.wrappingAdd(1, ordering: .relaxed).oldValue
        return loops[Int(UInt(bitPattern: index) % UInt(loops.count))]
    }

    /// Shuts every loop down; see ``SocketLoop/shutDown()``.
    public func shutDown() async {
        await withTaskGroup(of: Void.self) { tasks in
            for loop in loops {
                tasks.addTask { await loop.shutDown() }
            }
        }
    }
}
