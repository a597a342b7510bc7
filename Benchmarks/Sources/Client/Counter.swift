import Synchronization

/// A number that several tasks change.
final class Counter: Sendable {
    private let number: Atomic<Int>

    init(_ number: Int = 0) {
        self.number = Atomic(number)
    }

    var value: Int { number.load(ordering: .relaxed) }

    /// - Returns: The new value.
    @discardableResult
    func add(_ difference: Int) -> Int {
        number.wrappingAdd(difference, ordering: .relaxed).newValue
    }
}
